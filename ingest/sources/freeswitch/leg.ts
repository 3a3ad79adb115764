/** A CDR's leg, and the call where the leg began it. */
import type { CanonicalRecord } from '../../records/index.ts'
import { legCount, type Place } from './call-id.ts'
import type { Cdr } from './cdr.ts'
import { channelTime, elapsed } from './times.ts'

type Leg = Extract<CanonicalRecord, { entity: 'call_legs' }>['record']
type Call = Extract<CanonicalRecord, { entity: 'calls' }>['record']

/** What a leg of no answer came to, by its hangup cause; every other cause is a failure. */
const unanswered = new Map<string, Leg['disposition']>([
  ['ORIGINATOR_CANCEL', 'no_answer'],
  ['NORMAL_CLEARING', 'no_answer'],
  ['NO_ANSWER', 'no_answer'],
  ['NO_USER_RESPONSE', 'no_answer'],
  ['ALLOTTED_TIMEOUT', 'no_answer'],
  ['PROGRESS_TIMEOUT', 'no_answer'],
  ['RECOVERY_ON_TIMER_EXPIRE', 'no_answer'],
  ['LOSE_RACE', 'no_answer'],
  ['PICKED_OFF', 'no_answer'],
  ['USER_BUSY', 'busy'],
  ['CALL_REJECTED', 'rejected'],
])

/** Numbers this short are dialled within the house. */
const LONGEST_EXTENSION = 6

/** What every record of a CDR has. */
export interface Base {
  uuid: string
  place: Place
  started_ms: number
  answered_ms: number | null
  ended_ms: number
  /** The caller's number and what was dialled. */
  from: string
  to: string
  payload: string
}

export function baseOf(cdr: Cdr, place: Place, payload: string): Base {
  const { variable, profiles } = cdr
  const dialled = profiles[0]
  const started = channelTime(variable, 'start') ?? NaN
  return {
    uuid: variable('uuid'),
    place,
    started_ms: started,
    answered_ms: channelTime(variable, 'answer'),
    ended_ms: channelTime(variable, 'end') ?? NaN,
    from: dialled?.text('caller_id_number') || variable('caller_id_number') || variable('sip_from_user'),
    to: dialled?.text('destination_number') || variable('destination_number') || variable('sip_to_user'),
    payload,
  }
}

export function legOf(cdr: Cdr, base: Base): Leg {
  const { variable, audio } = cdr
  const is_first = base.place.parent_leg_id === ''
  const side = variable('cc_side')
  const phone = ownPhone(cdr)
  return {
    ...envelopeOf(base, base.uuid),
    call_id: base.place.call_id,
    parent_leg_id: base.place.parent_leg_id,
    seq: is_first ? 0 : 1,
    direction: cdr.direction === 'outbound' ? 'outbound' : 'inbound',
    party: is_first ? 'caller' : side === 'agent' ? 'agent' : 'callee',
    user_id: side === 'agent' ? variable('cc_agent') : phone,
    extension_id: is_first ? phone : variable('dialed_extension') || variable('dialed_user'),
    trunk_id: variable('sip_gateway_name') || variable('sip_gateway'),
    from_number: base.from,
    to_number: base.to,
    started_at: base.started_ms,
    answered_at: base.answered_ms,
    ended_at: base.ended_ms,
    disposition: outcomeOf(cdr, base),
    hangup_cause: variable('hangup_cause'),
    sip_code: sipCode(variable),
    q850_cause: wholeNumber(variable('hangup_cause_q850')) ?? null,
    pdd_ms: elapsed(base.started_ms, firstOf(channelTime(variable, 'progress'), channelTime(variable, 'progress_media'))) ?? null,
    bill_ms: wholeNumber(variable('billmsec')) ?? elapsed(base.answered_ms, base.ended_ms) ?? 0,
    codec: variable('read_codec') || variable('rtp_use_codec_name'),
    jitter_ms: spreadOf(audio('jitter_max_variance')),
    loss_pct: quality(audio('jitter_loss_rate')),
    mos: quality(audio('mos')),
  }
}

/** The call, of the leg that began it. */
export function callOf(cdr: Cdr, base: Base): Call {
  const { variable, profiles } = cdr
  const bridged_ms = channelTime(variable, 'bridge')
  const hold_ms = Number(variable('hold_accum_ms') || 0)
  const talked = elapsed(bridged_ms ?? base.answered_ms, base.ended_ms) ?? 0
  return {
    ...envelopeOf(base, base.uuid),
    direction: directionOf(cdr, base),
    from_number: base.from,
    from_number_raw: variable('sip_from_user') || base.from,
    to_number: base.to,
    to_number_raw: variable('sip_req_user') || variable('sip_to_user') || base.to,
    started_at: base.started_ms,
    answered_at: base.answered_ms,
    ended_at: base.ended_ms,
    disposition: callOutcome(cdr, base),
    hangup_cause: variable('hangup_cause'),
    first_queue_id: variable('cc_queue'),
    final_agent_id: variable('cc_agent'),
    trunk_id: variable('sip_gateway_name') || variable('sip_gateway'),
    leg_count: legCount(cdr),
    transfer_count: profiles.filter((profile) => Number(profile.time('transfer_time')) > 0).length,
    ring_ms: elapsed(base.started_ms, base.answered_ms ?? base.ended_ms)!,
    talk_ms: hold_ms >= 0 && hold_ms <= talked ? talked - hold_ms : talked,
    hold_ms,
  }
}

/** A leg's CDR is written once, when the leg is over: its end is its version, and its start its anchor. */
export function envelopeOf(base: Base, native_id: string): { native_id: string; anchor_at: number; version: number; payload: string } {
  return { native_id, anchor_at: base.started_ms, version: base.ended_ms, payload: base.payload }
}

function outcomeOf(cdr: Cdr, { answered_ms }: Base): Leg['disposition'] {
  return answered_ms === null ? (unanswered.get(cdr.variable('hangup_cause')) ?? 'failed') : 'answered'
}

function callOutcome(cdr: Cdr, base: Base): Call['disposition'] {
  const { variable } = cdr
  if (variable('last_app') === 'voicemail' || variable('voicemail_action') === 'save') return 'voicemail'
  const left_queue =
    variable('cc_queue_joined_epoch') !== '' && variable('cc_queue_answered_epoch') === '' && channelTime(variable, 'bridge') === null
  if (left_queue || (base.answered_ms === null && variable('hangup_cause') === 'ORIGINATOR_CANCEL')) return 'abandoned'
  return outcomeOf(cdr, base)
}

/** To the switch every call comes in; to the house one that an own phone dials goes out, or stays within. */
function directionOf(cdr: Cdr, base: Base): Call['direction'] {
  const said = cdr.variable('call_direction')
  if (said === 'inbound' || said === 'outbound') return said
  if (said === 'local') return 'internal'
  if (cdr.direction === 'outbound') return 'outbound'
  if (ownPhone(cdr) === '') return 'inbound'
  return base.to.length <= LONGEST_EXTENSION ? 'internal' : 'outbound'
}

/** The user of a phone that has registered with the switch. */
function ownPhone({ variable }: Cdr): string {
  return variable('user_name') || variable('sip_auth_username')
}

/** The last SIP answer: in a variable of its own, or in `sip:486`. */
function sipCode(variable: Cdr['variable']): number | null {
  const said =
    variable('sip_term_status') || variable('sip_invite_failure_status') || /^sip:(\d{3})$/.exec(variable('proto_specific_hangup_cause'))?.[1]
  return wholeNumber(said ?? '') ?? null
}

function firstOf(...times: (number | null)[]): number | null {
  return times.reduce((first, at) => (at !== null && (first === null || at < first) ? at : first), null)
}

/** Left to its field to refuse where it is no number. */
function wholeNumber(text: string): number | undefined {
  return text === '' ? undefined : asField(text)
}

/** Fields take numbers as texts, too. */
function asField(value: number | string): number {
  return value as number
}

/** Of a leg without audio there is nothing. */
function quality(value: number | string | undefined): number | null {
  return value === undefined || value === '' ? null : asField(value)
}

/** The switch keeps the variance of the gaps between packets, in ms²: its root is how far they are off, at worst. */
function spreadOf(variance: number | string | undefined): number | null {
  if (variance === undefined || variance === '') return null
  const n = Number(variance)
  return n >= 0 ? Math.sqrt(n) : asField(variance)
}
