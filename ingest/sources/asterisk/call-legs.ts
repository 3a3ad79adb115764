/** What the two CDR files have in common: a row is a leg of a call, keyed (uniqueid, sequence). */
import type { CanonicalRecord } from '../../records/index.ts'
import type { Refusal } from './assembler.ts'
import { bornAt_s, isLogTime } from './identity.ts'

export interface CdrRow {
  src: string
  dst: string
  started_ms: number
  answered_ms: number | null
  ended_ms: number
  bill_ms: number
  disposition: string
  unique_id: string
  /** Empty where the PBX does not write it. */
  linked_id: string
  /** Undefined where the PBX does not write it; a channel with several CDRs has several. */
  sequence: number | undefined
}

const dispositions = new Map<string, LegRecord['disposition']>([
  ['ANSWERED', 'answered'],
  ['NO ANSWER', 'no_answer'],
  ['BUSY', 'busy'],
  ['FAILED', 'failed'],
  ['CONGESTION', 'failed'],
])

/** What touches more days is not stored at all. */
const LONGEST_MS = 366 * 86_400_000

type LegRecord = Extract<CanonicalRecord, { entity: 'call_legs' }>['record']

/**
 * The leg of a row, or why the row makes none.
 * The channel that began the call is the inbound leg; the others are the PBX's own.
 * The trunk is not in a CDR.
 */
export function legOf(row: CdrRow, envelope: { rank: number; line: string; line_id: string }): CanonicalRecord | Refusal {
  const disposition = dispositions.get(row.disposition)
  if (disposition === undefined) return refusal('the disposition is none of ANSWERED, NO ANSWER, BUSY, FAILED, CONGESTION')
  const times = [row.started_ms, row.answered_ms ?? row.started_ms, row.ended_ms]
  if (!times.every((time_ms) => isLogTime(time_ms / 1000))) return refusal('a time is before 2000 or after 2148')
  if (Math.max(...times) - Math.min(...times) > LONGEST_MS) return refusal('its times are more than a year apart')
  if ((row.sequence ?? 0) > 0xffff_ffff) return refusal('the sequence is out of range')
  const first = row.linked_id === '' || row.linked_id === row.unique_id
  const record: LegRecord = {
    native_id: `${row.unique_id}/${row.sequence ?? envelope.line_id}`,
    anchor_at: (bornAt_s(row.unique_id) ?? Math.floor(row.started_ms / 1000)) * 1000,
    version: envelope.rank,
    payload: envelope.line,
    call_id: row.linked_id === '' ? row.unique_id : row.linked_id,
    seq: row.sequence ?? 0,
    direction: first ? 'inbound' : 'internal',
    party: first ? 'caller' : '',
    from_number: row.src,
    to_number: row.dst,
    started_at: row.started_ms,
    answered_at: row.answered_ms,
    ended_at: row.ended_ms,
    disposition,
    bill_ms: row.bill_ms,
  }
  return { entity: 'call_legs', record }
}

function refusal(reason: string): Refusal {
  return { code: 'field_invalid', reason, entity: 'call_legs' }
}
