/**
 * A Twilio Call is one leg. The leg without a parent is also the call, as its
 * caller sees it; what that leg dialled hangs below it.
 */
import type { CanonicalRecord } from '../../records/index.ts'
import { FieldError } from '../../records/field.ts'
import { checkOrder, costOf, createdOf, currencyOf, secondsOf, sidOf, textOf, timeOf, versionOf, type Item } from './values.ts'

type Direction = 'inbound' | 'outbound'
type Disposition = 'in_progress' | 'answered' | 'abandoned' | 'no_answer' | 'busy' | 'failed'

const directions: Readonly<Record<string, Direction>> = {
  inbound: 'inbound',
  'outbound-api': 'outbound',
  'outbound-dial': 'outbound',
  // A SIP trunk's names are the carrier's: origination comes from the network to us.
  'trunking-originating': 'inbound',
  'trunking-terminating': 'outbound',
}

/** In the order in which a call goes through them, with what each comes to. */
const statuses: Readonly<Record<string, { rank: number; disposition: Disposition }>> = {
  queued: { rank: 0, disposition: 'in_progress' },
  initiated: { rank: 1, disposition: 'in_progress' },
  ringing: { rank: 2, disposition: 'in_progress' },
  'in-progress': { rank: 3, disposition: 'in_progress' },
  completed: { rank: 8, disposition: 'answered' },
  busy: { rank: 8, disposition: 'busy' },
  failed: { rank: 8, disposition: 'failed' },
  'no-answer': { rank: 8, disposition: 'no_answer' },
  canceled: { rank: 8, disposition: 'abandoned' },
}

/** The leg, and the call where the leg is its root. Throws FieldError. */
export function readCall(item: Item, payload: string, root: string): CanonicalRecord[] {
  const native_id = sidOf(item, 'sid')
  const created_ms = createdOf(item)
  const status_word = textOf(item, 'status')
  const status = Object.hasOwn(statuses, status_word) ? statuses[status_word] : undefined
  if (!status) throw new FieldError('status is none that Twilio documents for a call')
  const direction_word = textOf(item, 'direction')
  const direction = Object.hasOwn(directions, direction_word) ? directions[direction_word] : undefined
  if (!direction) throw new FieldError('direction is none that Twilio documents for a call')
  const duration_ms = secondsOf(item, 'duration')
  const price = costOf(item, 'price')
  const started_ms = timeOf(item, 'start_time') ?? created_ms
  const ended_ms = timeOf(item, 'end_time')
  checkOrder(started_ms, ended_ms, 'start_time, end_time')
  const answered_ms = answeredAt(status_word, started_ms, ended_ms, duration_ms)
  const knowledge = status.rank * 100 + (price === null ? 0 : 50) + (ended_ms === null ? 0 : 20) + (duration_ms === null ? 0 : 10)
  const parent = textOf(item, 'parent_call_sid')
  const anchor_at = created_ms
  const version = versionOf(timeOf(item, 'date_updated') ?? created_ms, knowledge)
  const trunk_id = textOf(item, 'trunk_sid') || textOf(item, 'phone_number_sid')
  const [from_number, to_number] = [textOf(item, 'from'), textOf(item, 'to')]
  const hangup_cause = status.rank === 8 ? status_word : ''
  const currency = currencyOf(item, 'price_unit')
  const { disposition } = status
  // Written out twice: spreading what they share costs more than all the rest of this.
  const leg: CanonicalRecord = {
    entity: 'call_legs',
    record: {
      native_id,
      anchor_at,
      version,
      payload,
      call_id: root,
      parent_leg_id: parent,
      seq: parent === '' ? 0 : 1,
      direction,
      trunk_id,
      from_number,
      to_number,
      started_at: started_ms,
      answered_at: answered_ms,
      ended_at: ended_ms,
      disposition,
      hangup_cause,
      bill_ms: duration_ms ?? 0,
      buy_price: price,
      currency,
    },
  }
  if (parent !== '') return [leg]
  const call: CanonicalRecord = {
    entity: 'calls',
    record: {
      native_id,
      anchor_at,
      version,
      payload,
      direction,
      from_number,
      from_number_raw: from_number,
      to_number,
      to_number_raw: to_number,
      started_at: started_ms,
      answered_at: answered_ms,
      ended_at: ended_ms,
      disposition,
      hangup_cause,
      trunk_id,
      ring_ms: answered_ms === null ? 0 : Math.min(answered_ms - started_ms, 0xffff_ffff),
      talk_ms: duration_ms ?? 0,
      cost: price,
      currency,
    },
  }
  return [call, leg]
}

/** Twilio names no such time: of a finished call it is its duration before its end, of a live one its start. */
function answeredAt(status: string, started_ms: number, ended_ms: number | null, duration_ms: number | null): number | null {
  if (status === 'in-progress') return started_ms
  if (status !== 'completed') return null
  if (ended_ms === null) return started_ms
  return Math.max(started_ms, ended_ms - (duration_ms ?? 0))
}
