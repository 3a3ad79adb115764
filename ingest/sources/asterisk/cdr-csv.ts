/** cdr-csv/Master.csv: 18 columns, or 21 with newcdrcolumns; local times to the second. */
import type { Refusal } from './assembler.ts'
import type { CdrRow } from './call-legs.ts'
import { splitCsvLine } from './csv-line.ts'
import { bornAt_s } from './identity.ts'
import { nearest, type LocalTimes } from './local-time.ts'

/**
 * A row of Master.csv. In a repeated hour the start is the instant nearest to
 * the channel's birth (in its unique id), the end the one that makes the
 * duration column true, the answer the one that makes billsec true; without an
 * epoch in the unique id the earlier of the two is taken for the start.
 */
export function parseCdrLine(line: string, times: LocalTimes): CdrRow | Refusal {
  const fields = splitCsvLine(line)
  if (fields === undefined) return { code: 'field_invalid', reason: 'a quote is not closed, or closes within a field', entity: 'call_legs' }
  if (fields.length < 18) return { code: 'too_few_fields', reason: `a CDR row has 18 or 21 columns, this has ${fields.length}`, entity: 'call_legs' }
  if (fields.length !== 18 && fields.length !== 21)
    return { code: 'field_invalid', reason: `a CDR row has 18 or 21 columns, this has ${fields.length}`, entity: 'call_legs' }
  const [, src = '', dst = '', , , , , , , start = '', answer = '', end = '', duration = '', bill = '', disposition = '', , unique_id = ''] = fields
  const [linked_id = '', sequence] = fields.slice(19)
  if (unique_id === '')
    return { code: 'identity_missing', reason: 'the row has no unique id (loguniqueid=yes in cdr.conf writes it)', entity: 'call_legs' }
  const duration_ms = wholeSeconds(duration)
  const bill_ms = wholeSeconds(bill)
  if (duration_ms === undefined || bill_ms === undefined) return invalid('a duration is not a whole number of seconds')
  if (sequence !== undefined && !/^\d{1,10}$/.test(sequence)) return invalid('the sequence is not a whole number')
  const born_s = bornAt_s(unique_id)
  const starts = times.instants(start)
  const started_ms = born_s === undefined ? starts[0] : nearest(starts, born_s * 1000)
  if (started_ms === undefined) return invalid('the start is not a local time')
  const ended_ms = nearest(times.instants(end), started_ms + duration_ms)
  if (ended_ms === undefined) return invalid('the end is not a local time')
  const answered_ms = answer === '' ? null : nearest(times.instants(answer), ended_ms - bill_ms)
  if (answered_ms === undefined) return invalid('the answer is not a local time')
  return {
    src,
    dst,
    started_ms,
    answered_ms,
    ended_ms,
    bill_ms,
    disposition,
    unique_id,
    linked_id,
    sequence: sequence === undefined ? undefined : Number(sequence),
  }
}

function invalid(reason: string): Refusal {
  return { code: 'field_invalid', reason, entity: 'call_legs' }
}

function wholeSeconds(text: string): number | undefined {
  return /^\d{1,7}$/.test(text) && Number(text) <= 4_294_967 ? Number(text) * 1000 : undefined
}
