/** The cdr-custom file this project knows: 12 columns, epoch times with microseconds. */
import type { Refusal } from './assembler.ts'
import type { CdrRow } from './call-legs.ts'
import { splitCsvLine } from './csv-line.ts'

/**
 * `epoch,src,dst,start,answer,end,duration,billsec,disposition,uniqueid,linkedid,sequence`,
 * times written with `${CDR(start,u)}` and durations with `${CDR(duration,f)}`.
 */
export function parseCdrCustomLine(line: string): CdrRow | Refusal {
  const fields = splitCsvLine(line)
  if (fields === undefined) return invalid('a quote is not closed, or closes within a field')
  if (fields.length < 12)
    return { code: 'too_few_fields', reason: `a row of this file has 12 columns, this has ${fields.length}`, entity: 'call_legs' }
  if (fields.length > 12) return invalid(`a row of this file has 12 columns, this has ${fields.length}`)
  const [, src = '', dst = '', start = '', answer = '', end = '', , bill = '', disposition = '', unique_id = '', linked_id = '', sequence = ''] =
    fields
  if (unique_id === '') return { code: 'identity_missing', reason: 'the row has no unique id', entity: 'call_legs' }
  if (!/^\d{1,10}$/.test(sequence)) return invalid('the sequence is not a whole number')
  const [started_ms, answered_ms, ended_ms, bill_ms] = [start, answer, end, bill].map(milliseconds)
  if (started_ms === undefined || ended_ms === undefined || answered_ms === undefined) return invalid('a time is not epoch seconds with microseconds')
  if (bill_ms === undefined || bill_ms > 0xffff_ffff) return invalid('billsec is not a number of seconds')
  return {
    src,
    dst,
    started_ms,
    answered_ms: answered_ms === 0 ? null : answered_ms,
    ended_ms,
    bill_ms,
    disposition,
    unique_id,
    linked_id,
    sequence: Number(sequence),
  }
}

/** Whether a file's row is of the known format; files with other columns are left alone. */
export function isKnownCdrCustom(line: string): boolean {
  return !('code' in parseCdrCustomLine(line))
}

function milliseconds(text: string): number | undefined {
  return /^\d{1,11}\.\d{1,9}$/.test(text) ? Math.floor(Math.round(Number(text) * 1e6) / 1e3) : undefined
}

function invalid(reason: string): Refusal {
  return { code: 'field_invalid', reason, entity: 'call_legs' }
}
