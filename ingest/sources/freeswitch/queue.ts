/** What mod_callcenter leaves in a CDR: the caller's visit to a queue, and the agent's phone that rang for it. */
import type { CanonicalRecord } from '../../records/index.ts'
import type { Cdr } from './cdr.ts'
import { envelopeOf, type Base } from './leg.ts'
import { elapsed, fromSeconds } from './times.ts'

type Visit = Extract<CanonicalRecord, { entity: 'queue_visits' }>['record']
type AgentEvent = Extract<CanonicalRecord, { entity: 'agent_events' }>['record']

/** A caller who breaks out and stays this long after was taken elsewhere; one who hung up is gone at once. */
const LINGERS_MS = 2_000

const cancelled = new Map<string, Visit['outcome']>([
  ['', 'abandoned'],
  ['NONE', 'abandoned'],
  ['TIMEOUT', 'timeout'],
  ['NO_AGENT_TIMEOUT', 'leave_empty'],
  ['EXIT_WITH_KEY', 'key_exit'],
])

/**
 * The visit of a member's leg. The variables are the channel's: of a caller who
 * was in several queues they tell the last.
 */
export function visitOf(cdr: Cdr, base: Base): Visit | undefined {
  const { variable } = cdr
  const queue = variable('cc_queue')
  const joined = variable('cc_queue_joined_epoch')
  if (queue === '' || joined === '' || variable('cc_side') === 'agent') return undefined
  const entered_ms = fromSeconds(joined) ?? NaN
  const answered_ms = fromSeconds(variable('cc_queue_answered_epoch'))
  const gone_ms = fromSeconds(variable('cc_queue_canceled_epoch'))
  const over_ms = fromSeconds(variable('cc_queue_terminated_epoch'))
  // Whole seconds may end after the microseconds do.
  const last_ms = Math.floor(base.ended_ms / 1000) * 1000
  const exited_ms = answered_ms === null ? (gone_ms ?? over_ms ?? last_ms) : (over_ms ?? last_ms)
  return {
    ...envelopeOf(base, `${base.uuid}/${queue}/${joined}`),
    call_id: base.place.call_id,
    queue_id: queue,
    entry_no: 1,
    caller_number: base.from,
    did_number: base.to,
    entered_at: entered_ms,
    answered_at: answered_ms,
    exited_at: exited_ms,
    outcome: answered_ms === null ? outcomeOf(variable, exited_ms, base.ended_ms) : 'answered',
    wait_ms: elapsed(entered_ms, answered_ms ?? exited_ms)!,
    talk_ms: answered_ms === null ? 0 : elapsed(answered_ms, exited_ms)!,
    agent_id: variable('cc_agent'),
  }
}

function outcomeOf(variable: Cdr['variable'], exited_ms: number, ended_ms: number): Visit['outcome'] {
  const reason = variable('cc_cancel_reason').toUpperCase()
  if (reason === 'BREAK_OUT') return ended_ms - exited_ms > LINGERS_MS ? 'diverted' : 'abandoned'
  return cancelled.get(reason) ?? 'error'
}

/** An agent's phone that rang and was not answered. */
export function missedRing(cdr: Cdr, base: Base): AgentEvent | undefined {
  const { variable } = cdr
  if (variable('cc_side') !== 'agent' || base.answered_ms !== null || variable('cc_agent') === '') return undefined
  return {
    ...envelopeOf(base, `${base.uuid}/ring_no_answer`),
    agent_id: variable('cc_agent'),
    queue_id: variable('cc_queue'),
    call_id: base.place.call_id,
    occurred_at: base.ended_ms,
    kind: 'ring_no_answer',
    detail: variable('hangup_cause'),
    ring_ms: elapsed(base.started_ms, base.ended_ms)!,
  }
}
