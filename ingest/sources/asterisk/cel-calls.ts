/**
 * Calls out of channel events: everything with one linked id is one call. It
 * begins with the channel whose own id that is, and LINKEDID_END ends it; what
 * is written late still counts for a minute. The version is the number of lines
 * that made the call what it is.
 */
import type { CanonicalRecord } from '../../records/index.ts'
import type { TouchedRecords } from './assembler.ts'
import { queueOf, type ChannelEvent } from './cel-csv.ts'
import { bornAt_s } from './identity.ts'

interface Call {
  id: string
  from: string
  to: string
  started_ms: number
  /** When the PBX picked up, which may be an announcement. */
  picked_up_ms: number | null
  /** When the caller was first joined to someone. */
  joined_ms: number | null
  ended_ms: number | null
  in_bridge_since_ms: number | null
  talk_ms: number
  queue: string
  voicemail: boolean
  dial_status: string
  cause: string
  legs: number
  transfers: number
  events: number
  seen_ms: number
}

export type CelCallsState = Call[]

const LATE_MS = 60_000
const GIVE_UP_MS = 24 * 3_600_000
const UINT32 = 0xffff_ffff

/** Follows the calls; every one that changes is added to `touched`. */
export class CelCalls {
  readonly #touched: TouchedRecords
  /** Calls under way, and ended ones for a minute. */
  readonly #calls: Map<string, Call>

  constructor(touched: TouchedRecords, state?: CelCallsState) {
    this.#touched = touched
    this.#calls = new Map(state?.map((call) => [call.id, call]))
  }

  /** Takes an event. One of a call whose beginning is not in the log changes no call; it is kept as an event all the same. */
  take(event: ChannelEvent): void {
    let call = this.#calls.get(event.linked_id)
    const own = event.unique_id === event.linked_id
    if (call === undefined) {
      if (!own || event.kind !== 'CHAN_START') return
      call = begin(event)
      this.#calls.set(call.id, call)
    }
    call.events += 1
    call.seen_ms = Math.max(call.seen_ms, event.at_ms)
    changes[event.kind]?.(call, event, own)
    if (own) call.from ||= event.caller_number
    this.#touch(call)
  }

  /** Forgets calls that ended a minute ago, and ends those that have been open for a day at their last sign of life. */
  expire(now_ms: number): void {
    for (const call of this.#calls.values()) {
      if (call.ended_ms !== null && call.seen_ms <= now_ms - LATE_MS) this.#calls.delete(call.id)
      if (call.ended_ms === null && call.started_ms <= now_ms - GIVE_UP_MS) {
        this.#calls.delete(call.id)
        call.events += 1
        end(call, call.seen_ms)
        this.#touch(call)
      }
    }
  }

  state(): CelCallsState {
    return [...this.#calls.values()]
  }

  #touch(call: Call): void {
    this.#touched.add('calls', call.id, () => ({ entity: 'calls', record: recordOf(call) }))
  }
}

function begin(event: ChannelEvent): Call {
  const none = { picked_up_ms: null, joined_ms: null, ended_ms: null, in_bridge_since_ms: null, talk_ms: 0 }
  const counts = { queue: '', voicemail: false, dial_status: '', cause: '', legs: 0, transfers: 0, events: 0 }
  return {
    id: event.linked_id,
    from: event.caller_number,
    to: event.dialled || event.exten,
    started_ms: event.at_ms,
    ...none,
    ...counts,
    seen_ms: event.at_ms,
  }
}

function end(call: Call, at_ms: number): void {
  if (call.in_bridge_since_ms !== null) call.talk_ms += Math.max(0, at_ms - call.in_bridge_since_ms)
  call.in_bridge_since_ms = null
  call.ended_ms = Math.max(at_ms, call.started_ms)
}

type Change = (call: Call, event: ChannelEvent, own: boolean) => void

/** What each kind of event changes; kinds without a line here only count. */
const changes: Record<string, Change> = {
  CHAN_START: (call) => {
    call.legs += 1
  },
  ANSWER: (call, event, own) => {
    if (own) call.picked_up_ms ??= event.at_ms
  },
  APP_START: (call, event) => {
    call.queue ||= queueOf(event)
    if (event.app === 'VoiceMail') call.voicemail = true
  },
  BRIDGE_ENTER: (call, event, own) => {
    if (!own) return
    call.joined_ms ??= event.at_ms
    call.in_bridge_since_ms ??= event.at_ms
  },
  BRIDGE_EXIT: (call, event, own) => {
    if (!own || call.in_bridge_since_ms === null) return
    call.talk_ms += Math.max(0, event.at_ms - call.in_bridge_since_ms)
    call.in_bridge_since_ms = null
  },
  BLINDTRANSFER: (call) => {
    call.transfers += 1
  },
  ATTENDEDTRANSFER: (call) => {
    call.transfers += 1
  },
  HANGUP: (call, event, own) => {
    if (!own) return
    const extra = extraOf(event)
    call.cause = wordOf(extra['hangupcause'])
    call.dial_status = wordOf(extra['dialstatus'])
  },
  LINKEDID_END: (call, event) => end(call, event.at_ms),
}

function extraOf(event: ChannelEvent): Record<string, unknown> {
  try {
    const extra: unknown = JSON.parse(event.extra)
    return typeof extra === 'object' && extra !== null ? (extra as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function wordOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

type CallRecord = Extract<CanonicalRecord, { entity: 'calls' }>['record']

/** Q.850 causes of a call nobody picked up that say more than that nobody did. */
const causes = new Map<string, CallRecord['disposition']>([
  ['17', 'busy'],
  ['21', 'rejected'],
  ['1', 'failed'],
  ['3', 'failed'],
  ['27', 'failed'],
  ['34', 'failed'],
  ['38', 'failed'],
])

/** As the caller would say it: who waited in a queue and spoke to nobody did not get an answer, though the PBX had picked up. */
function dispositionOf(call: Call): CallRecord['disposition'] {
  if (call.ended_ms === null) return 'in_progress'
  if (call.joined_ms !== null) return 'answered'
  if (call.voicemail) return 'voicemail'
  if (call.queue !== '') return 'abandoned'
  if (call.dial_status === 'BUSY') return 'busy'
  if (call.dial_status === 'CHANUNAVAIL' || call.dial_status === 'CONGESTION') return 'failed'
  if (call.picked_up_ms !== null && call.dial_status === '') return 'answered'
  return causes.get(call.cause) ?? 'no_answer'
}

const E164 = /^\+[1-9]\d{6,14}$/

function recordOf(call: Call): CallRecord {
  const disposition = dispositionOf(call)
  return {
    native_id: call.id,
    anchor_at: (bornAt_s(call.id) ?? Math.floor(call.started_ms / 1000)) * 1000,
    version: call.events,
    direction: 'inbound',
    from_number: E164.test(call.from) ? call.from : '',
    from_number_raw: call.from,
    to_number: E164.test(call.to) ? call.to : '',
    to_number_raw: call.to,
    started_at: call.started_ms,
    answered_at: call.joined_ms ?? (disposition === 'answered' ? call.picked_up_ms : null),
    ended_at: call.ended_ms,
    disposition,
    hangup_cause: call.cause,
    first_queue_id: call.queue,
    leg_count: call.legs,
    transfer_count: call.transfers,
    talk_ms: Math.min(call.talk_ms, UINT32),
  }
}
