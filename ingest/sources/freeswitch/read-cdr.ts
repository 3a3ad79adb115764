/** One CDR of mod_json_cdr as records, whichever way it came: pushed, or left in the err-log directory. */
import { createHash } from 'node:crypto'
import { refusalOf } from '../../check-input.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import type { Reject, Reparsed, StoredInput } from '../../source.ts'
import { readBody } from './body.ts'
import { placeOf } from './call-id.ts'
import { cdrOf, type Decoding } from './cdr.ts'
import { baseOf, callOf, legOf } from './leg.ts'
import { missedRing, visitOf } from './queue.ts'

export type ReadCdr = { records: CanonicalRecord[]; reject?: undefined } | { records: []; reject: Reject }

/** A body's records, all of them or none. A second copy of a refused one is the same dead letter. */
export function readCdr(body: Buffer, decoding: Decoding): ReadCdr {
  const read = readBody(body)
  if ('code' in read) return refused(read, read.payload)
  const encode_values = decoding.encode_values && !read.are_values_decoded
  const result = recordsOf(read.text, { encode_values })
  if (!Array.isArray(result)) return refused(result, read.text)
  return { records: result }
}

/** A stored CDR read again. Its form's encoding is gone, and whether the values' went with it is not known: what has %XX in it is decoded. */
export function rereadCdr({ payload }: StoredInput, decoding: Decoding): Reparsed {
  const { records, reject } = readCdr(Buffer.from(payload), decoding)
  return { records, rejects: reject ? [reject] : [] }
}

type Fault = Pick<Reject, 'entity' | 'code' | 'reason'>

function recordsOf(text: string, decoding: Decoding): CanonicalRecord[] | Fault {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return { code: 'not_json', reason: 'the CDR is not JSON' }
  }
  const cdr = cdrOf(parsed, decoding)
  if (!cdr) return { code: 'unknown_event', reason: 'the JSON is no CDR: it has no variables' }
  const uuid = cdr.variable('uuid')
  if (uuid === '') return { code: 'identity_missing', reason: 'variables.uuid is missing' }
  const place = placeOf(cdr, uuid)
  const base = baseOf(cdr, place, text)
  const fault = timeFault(base)
  if (fault) return fault
  const records: CanonicalRecord[] = [{ entity: 'call_legs', record: legOf(cdr, base) }]
  if (place.parent_leg_id === '') records.push({ entity: 'calls', record: callOf(cdr, base) })
  const visit = visitOf(cdr, base)
  if (visit) records.push({ entity: 'queue_visits', record: visit })
  const missed = missedRing(cdr, base)
  if (missed) records.push({ entity: 'agent_events', record: missed })
  return refusalOf(records) ?? records
}

function timeFault({ started_ms, answered_ms, ended_ms }: { started_ms: number; answered_ms: number | null; ended_ms: number }): Fault | undefined {
  const broken = (reason: string): Fault => ({ entity: 'call_legs', code: 'field_invalid', reason })
  if (!(started_ms > 0)) return broken('start_uepoch and start_epoch are no time')
  if (!(ended_ms > 0)) return broken('end_uepoch and end_epoch are no time')
  if (answered_ms !== null && !(answered_ms > 0)) return broken('answer_uepoch is no time')
  return ended_ms < started_ms ? broken('the leg ends before it starts') : undefined
}

function refused(fault: Fault, payload: string): ReadCdr {
  return { records: [], reject: { position: `cdr/${createHash('sha256').update(payload).digest('hex')}`, ...fault, payload } }
}
