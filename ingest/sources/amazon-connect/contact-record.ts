/**
 * A contact record: what one contact of a call came to. A call is a chain of
 * contacts, one for every transfer, that share the first one's id.
 */
import { FieldError } from '../../records/field.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import type { ContactSummary } from './chain-book.ts'
import { idOf, listAt, objectAt, requiredTimeAt, secondsAt, textAt, timeAt, type Json } from './json-fields.ts'

type Leg = Extract<CanonicalRecord, { entity: 'call_legs' }>['record']
type Visit = Extract<CanonicalRecord, { entity: 'queue_visits' }>['record']
type Segment = Extract<CanonicalRecord, { entity: 'call_segments' }>['record']
type Recording = Extract<CanonicalRecord, { entity: 'recordings' }>['record']

const outbound = new Set(['OUTBOUND', 'CALLBACK', 'API', 'EXTERNAL_OUTBOUND'])
const unreached = new Map<string, Leg['disposition']>([
  ['TELECOM_BUSY', 'busy'],
  ['TELECOM_UNANSWERED', 'no_answer'],
  ['TELECOM_TIMEOUT', 'no_answer'],
  ['TELECOM_ORIGINATOR_CANCEL', 'no_answer'],
  ['TELECOM_NUMBER_INVALID', 'failed'],
  ['TELECOM_POTENTIAL_BLOCKING', 'failed'],
  ['TELECOM_PROBLEM', 'failed'],
])

/** A contact as it is read; the records it makes by itself, and what the call is made of. */
export interface ReadContact {
  records: CanonicalRecord[]
  /** Undefined for a supervisor who listens in: that is no part of the chain. */
  summary: ContactSummary | undefined
}

/** Reads a contact record; throws FieldError for a member that is wrong. Members it does not know are left alone. */
export function readContact(contact: Json, payload: string): ReadContact {
  const at = timesOf(contact)
  const method = textAt(contact, 'InitiationMethod')
  const agent = objectAt(contact, 'Agent')
  const queue = objectAt(contact, 'Queue')
  const id = textAt(contact, 'ContactId')
  const customer = textAt(objectAt(contact, 'CustomerEndpoint'), 'Address')
  const system = textAt(objectAt(contact, 'SystemEndpoint'), 'Address')
  const is_outbound = outbound.has(method)
  const facts: Facts = {
    id,
    call_id: textAt(contact, 'InitialContactId') || id,
    payload,
    at,
    queue_id: idOf(textAt(queue, 'ARN')),
    agent_id: idOf(textAt(agent, 'ARN')),
    reason: textAt(contact, 'DisconnectReason'),
    is_passed_on: textAt(contact, 'NextContactId') !== '' || textAt(objectAt(contact, 'TransferredToEndpoint'), 'Address') !== '',
    talk_ms: secondsAt(agent, 'AgentInteractionDuration'),
    hold_ms: secondsAt(agent, 'CustomerHoldDuration'),
    wrap_up_ms: secondsAt(agent, 'AfterContactWorkDuration'),
  }
  const direction = method === 'MONITOR' ? 'internal' : is_outbound ? 'outbound' : 'inbound'
  const from = is_outbound ? system : customer
  const to = is_outbound ? customer : system
  const disposition = dispositionOf(facts)
  const leg: Leg = {
    ...envelopeOf(facts, id),
    call_id: facts.call_id,
    parent_leg_id: textAt(contact, 'PreviousContactId'),
    seq: 0,
    direction,
    party: method === 'MONITOR' ? 'supervisor' : 'customer',
    user_id: facts.agent_id,
    from_number: from,
    to_number: to,
    started_at: at.started,
    answered_at: at.agent,
    ended_at: at.ended,
    disposition,
    hangup_cause: facts.reason,
    bill_ms: at.system !== null && at.ended !== null ? notNegative(at.ended - at.system, 'DisconnectTimestamp') : 0,
  }
  const records: CanonicalRecord[] = [{ entity: 'call_legs', record: leg }, ...segmentsOf(facts)]
  const visit = visitOf(facts, queue, { from, to })
  if (visit) {
    records.push({ entity: 'queue_visits', record: visit })
    const name = textAt(queue, 'Name')
    const record = { native_id: facts.queue_id, version: at.updated, payload: JSON.stringify(queue), queue_id: facts.queue_id, name }
    if (name !== '') records.push({ entity: 'queues', record })
  }
  records.push(...recordingsOf(contact, facts, customer).map((record) => ({ entity: 'recordings' as const, record })))
  if (method === 'MONITOR') return { records, summary: undefined }
  return { records, summary: { ...summaryOf(facts), direction, from, to, disposition, next: textAt(contact, 'NextContactId') } }
}

interface Times {
  started: number
  updated: number
  system: number | null
  agent: number | null
  ended: number | null
  enqueued: number | null
  dequeued: number | null
  wrap_up: number | null
  wrapped_up: number | null
}

interface Facts {
  id: string
  call_id: string
  payload: string
  at: Times
  queue_id: string
  agent_id: string
  reason: string
  is_passed_on: boolean
  talk_ms: number
  hold_ms: number
  wrap_up_ms: number
}

function timesOf(contact: Json): Times {
  const agent = objectAt(contact, 'Agent')
  const queue = objectAt(contact, 'Queue')
  return {
    started: requiredTimeAt(contact, 'InitiationTimestamp'),
    updated: requiredTimeAt(contact, 'LastUpdateTimestamp'),
    system: timeAt(contact, 'ConnectedToSystemTimestamp'),
    agent: timeAt(agent, 'ConnectedToAgentTimestamp'),
    ended: timeAt(contact, 'DisconnectTimestamp'),
    enqueued: timeAt(queue, 'EnqueueTimestamp'),
    dequeued: timeAt(queue, 'DequeueTimestamp'),
    wrap_up: timeAt(agent, 'AfterContactWorkStartTimestamp'),
    wrapped_up: timeAt(agent, 'AfterContactWorkEndTimestamp'),
  }
}

function envelopeOf({ at, payload }: Facts, native_id: string): { native_id: string; anchor_at: number; version: number; payload: string } {
  return { native_id, anchor_at: at.started, version: at.updated, payload }
}

function dispositionOf({ at, reason, is_passed_on }: Facts): Leg['disposition'] {
  if (at.agent !== null) return 'answered'
  if (at.ended === null) return 'in_progress'
  const failed = unreached.get(reason)
  if (failed) return failed
  if (at.enqueued !== null) return is_passed_on ? 'no_answer' : 'abandoned'
  // A contact that never asked for an agent was answered by the flow.
  return at.system === null ? 'no_answer' : 'answered'
}

function visitOf(facts: Facts, queue: Json, { from, to }: { from: string; to: string }): Visit | undefined {
  const { at, queue_id } = facts
  if (at.enqueued === null || queue_id === '') return undefined
  const left = at.dequeued ?? at.agent ?? at.ended
  return {
    ...envelopeOf(facts, `${facts.id}/queue`),
    call_id: facts.call_id,
    queue_id,
    entry_no: 1,
    caller_number: from,
    did_number: to,
    entered_at: at.enqueued,
    answered_at: at.agent,
    exited_at: at.agent === null ? left : at.ended,
    outcome: outcomeOf(facts, left),
    wait_ms:
      typeof queue['Duration'] === 'number' ? secondsAt(queue, 'Duration') : notNegative((left ?? at.enqueued) - at.enqueued, 'DequeueTimestamp'),
    talk_ms: facts.talk_ms,
    hold_ms: facts.hold_ms,
    wrap_up_ms: facts.wrap_up_ms,
    agent_id: facts.agent_id,
    transfer_kind: facts.is_passed_on && at.agent !== null ? 'transfer' : '',
  }
}

function outcomeOf({ at, reason, is_passed_on }: Facts, left: number | null): Visit['outcome'] {
  if (at.agent !== null) return 'answered'
  if (left === null) return 'waiting'
  if (is_passed_on) return 'diverted'
  if (reason === 'CUSTOMER_DISCONNECT' || reason === '') return 'abandoned'
  return reason === 'CONTACT_FLOW_DISCONNECT' || reason === 'EXPIRED' ? 'timeout' : 'error'
}

function segmentsOf(facts: Facts): CanonicalRecord[] {
  const { at } = facts
  const spans: [Segment['kind'], number | null, number | null][] = [
    ['ivr', at.system, at.enqueued ?? at.ended],
    ['queue', at.enqueued, at.dequeued ?? at.agent ?? at.ended],
    ['talk', at.agent, at.ended],
    ['wrap_up', at.wrap_up, at.wrapped_up],
  ]
  return spans.flatMap(([kind, started_at, ended_at], seq) => {
    // A contact that an agent placed, or was handed, was in no flow.
    const is_in_flow = at.enqueued === null ? at.agent === null : at.enqueued !== at.system
    if (started_at === null || (kind === 'ivr' && !is_in_flow)) return []
    const who = { queue_id: kind === 'ivr' ? '' : facts.queue_id, agent_id: seq > 1 ? facts.agent_id : '' }
    const record = { ...envelopeOf(facts, `${facts.id}/${kind}`), call_id: facts.call_id, leg_id: facts.id, seq, kind, started_at, ended_at, ...who }
    return [{ entity: 'call_segments' as const, record }]
  })
}

/** References only: the audio stays where it is. The older member `Recording` says again what the first of `Recordings` says. */
function recordingsOf(contact: Json, facts: Facts, customer_number: string): Recording[] {
  const all = listAt(contact, 'Recordings')
  const listed = all.length > 0 ? all : [objectAt(contact, 'Recording')].filter((one) => Object.keys(one).length > 0)
  return listed.flatMap((recording, n) => {
    const uri = textAt(recording, 'Location')
    const status = textAt(recording, 'Status')
    if (uri === '' && status === '') return []
    const started = timeAt(recording, 'StartTimestamp')
    const stopped = timeAt(recording, 'StopTimestamp')
    return {
      ...envelopeOf(facts, `${facts.id}/recording/${n}`),
      call_id: facts.call_id,
      leg_id: facts.id,
      queue_id: facts.queue_id,
      agent_id: facts.agent_id,
      customer_number,
      started_at: started ?? facts.at.agent ?? facts.at.started,
      duration_ms: started !== null && stopped !== null ? notNegative(stopped - started, 'StopTimestamp') : 0,
      uri,
      status: status === 'DELETED' ? ('absent' as const) : uri === '' ? ('processing' as const) : ('completed' as const),
      is_redacted: /redacted/i.test(uri),
    }
  })
}

function summaryOf({ id, call_id, payload, at, queue_id, agent_id, reason, talk_ms, hold_ms, wrap_up_ms }: Facts) {
  const { started, updated, agent, ended, enqueued } = at
  return { id, call_id, payload, started, updated, agent, ended, enqueued, queue_id, agent_id, reason, talk_ms, hold_ms, wrap_up_ms }
}

function notNegative(ms: number, name: string): number {
  if (ms < 0) throw new FieldError(`${name} is before the time it should follow`)
  return ms
}
