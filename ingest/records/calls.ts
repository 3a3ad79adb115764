/** Calls and what they are made of. */
import { entity, type RecordOf } from './entity.ts'
import {
  count,
  durationMs,
  float,
  money,
  name,
  oneOf,
  optionalCount,
  optionalDurationMs,
  optionalTime,
  requiredName,
  requiredText,
  text,
  time,
} from './field.ts'

export const directions = ['inbound', 'outbound', 'internal'] as const
export const dispositions = ['in_progress', 'answered', 'abandoned', 'no_answer', 'busy', 'failed', 'voicemail', 'rejected'] as const
export const segmentKinds = ['setup', 'ring', 'ivr', 'queue', 'talk', 'hold', 'park', 'consult', 'transfer', 'wrap_up', 'voicemail'] as const

/** One conversation as the caller sees it; native_id is the call's id and the `call_id` of everything else. */
export const calls = entity('calls', ['started_at', 'answered_at', 'ended_at'], {
  direction: oneOf(directions),
  from_number: text(),
  from_number_raw: text(),
  to_number: text(),
  to_number_raw: text(),
  started_at: time(),
  answered_at: optionalTime(),
  ended_at: optionalTime(),
  disposition: oneOf(dispositions),
  hangup_cause: name(),
  first_queue_id: name(),
  final_agent_id: name(),
  trunk_id: name(),
  leg_count: count(),
  transfer_count: count(),
  ring_ms: durationMs(),
  talk_ms: durationMs(),
  hold_ms: durationMs(),
  wrap_up_ms: durationMs(),
  cost: money(),
  currency: name(),
})

/** One party's part of a call, as the network billed it. */
export const callLegs = entity('call_legs', ['started_at', 'answered_at', 'ended_at'], {
  call_id: requiredText(),
  parent_leg_id: text(),
  seq: count(),
  direction: oneOf(directions),
  party: name(),
  user_id: name(),
  extension_id: name(),
  trunk_id: name(),
  from_number: text(),
  to_number: text(),
  started_at: time(),
  answered_at: optionalTime(),
  ended_at: optionalTime(),
  disposition: oneOf(dispositions),
  hangup_cause: name(),
  sip_code: optionalCount(),
  q850_cause: optionalCount(),
  pdd_ms: optionalDurationMs(),
  bill_ms: durationMs(),
  codec: name(),
  jitter_ms: float(),
  loss_pct: float(),
  rtt_ms: float(),
  mos: float(),
  buy_price: money(),
  sell_price: money(),
  currency: name(),
})

/** A stretch of a call spent in one way. */
export const callSegments = entity('call_segments', ['started_at', 'ended_at'], {
  call_id: requiredText(),
  leg_id: text(),
  seq: count(),
  kind: oneOf(segmentKinds),
  started_at: time(),
  ended_at: optionalTime(),
  queue_id: name(),
  agent_id: name(),
})

/** A thing that happened in a call, in the source's own words. */
export const callEvents = entity('call_events', ['occurred_at'], {
  call_id: text(),
  leg_id: text(),
  occurred_at: time(),
  kind: requiredName(),
  queue_id: name(),
  agent_id: name(),
  attributes: text(),
})

export type Call = RecordOf<typeof calls>
export type CallLeg = RecordOf<typeof callLegs>
export type CallSegment = RecordOf<typeof callSegments>
export type CallEvent = RecordOf<typeof callEvents>
