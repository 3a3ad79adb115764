/** Callers in queues, and agents. */
import { entity, type RecordOf } from './entity.ts'
import { count, durationMs, name, oneOf, optionalCount, optionalTime, requiredName, requiredText, text, time } from './field.ts'

/** How a visit ended; `waiting` and `talking` are visits that have not. */
export const visitOutcomes = [
  'waiting',
  'answered',
  'abandoned',
  'timeout',
  'key_exit',
  'join_empty',
  'leave_empty',
  'full',
  'closed',
  'diverted',
  'callback',
  'voicemail',
  'error',
] as const

export const agentStateKinds = ['available', 'ringing', 'talking', 'wrap_up', 'paused', 'offline'] as const

/**
 * One entry of one call into one queue. `answered` from the moment an agent
 * answers (`exited_at` is then the end of the conversation, null while it lasts).
 */
export const queueVisits = entity('queue_visits', ['entered_at', 'answered_at', 'exited_at'], {
  call_id: requiredText(),
  queue_id: requiredName(),
  entry_no: count(),
  caller_number: text(),
  did_number: text(),
  entered_at: time(),
  answered_at: optionalTime(),
  exited_at: optionalTime(),
  outcome: oneOf(visitOutcomes),
  wait_ms: durationMs(),
  ring_ms: durationMs(),
  talk_ms: durationMs(),
  hold_ms: durationMs(),
  wrap_up_ms: durationMs(),
  agent_id: name(),
  entry_position: optionalCount(),
  exit_position: optionalCount(),
  transfer_kind: name(),
})

/** A stretch of time an agent spent in one state; open while `ended_at` is null. */
export const agentStates = entity('agent_states', ['started_at', 'last_seen_at', 'ended_at'], {
  agent_id: requiredName(),
  state: oneOf(agentStateKinds),
  reason: name(),
  queue_id: name(),
  call_id: text(),
  started_at: time(),
  ended_at: optionalTime(),
  last_seen_at: optionalTime(),
  closed_by: name(),
})

/** A thing an agent did or had done, in the source's own words: login, pause, ring no answer. */
export const agentEvents = entity('agent_events', ['occurred_at'], {
  agent_id: requiredName(),
  queue_id: name(),
  call_id: text(),
  occurred_at: time(),
  kind: requiredName(),
  detail: text(),
  ring_ms: durationMs(),
})

export type QueueVisit = RecordOf<typeof queueVisits>
export type AgentState = RecordOf<typeof agentStates>
export type AgentEvent = RecordOf<typeof agentEvents>
