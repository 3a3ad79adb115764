/** Canonical records as somebody pushes them: a JSON array, { "records": [...] }, NDJSON or CSV. Each is stored or refused by itself. */
import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { parse } from 'csv-parse/sync'
import { CallhouseError, messageOf } from '../errors.ts'
import { EncodedBatch } from './encode-batch.ts'
import type { Origin } from './encode-record.ts'
import { sliceItems, withoutMember } from './json-items.ts'
import { entities, type CanonicalRecord, type EntityName } from './records/index.ts'
import type { Reject, RejectCode } from './source.ts'

/** A record that was refused; `index` counts from 0. */
export interface RefusedRecord {
  index: number
  code: RejectCode
  reason: string
}

export interface ReadRecords {
  inputs: number
  encoded: EncodedBatch
  refused: RefusedRecord[]
}

type Row = { text: string } & ({ value: unknown } | { fault: [RejectCode, string] })

/** So many are encoded in one go: some milliseconds, in which the process answers nobody. */
const MOST_AT_ONCE = 512
const JSON_TYPES = ['application/json']
const NDJSON_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/x-jsonlines']

/** Throws bad_request for a body that is no list of records. */
export async function readRecords(body: Buffer, content_type: string, entity: EntityName, origin: Origin, now_ms: number): Promise<ReadRecords> {
  const rows = rowsOf(body, content_type, entity)
  const encoded = new EncodedBatch(origin)
  const refused: RefusedRecord[] = []
  for (const [index, row] of rows.entries()) {
    if (index > 0 && index % MOST_AT_ONCE === 0) await new Promise(setImmediate)
    const reject = add(encoded, row, entity, now_ms)
    if (reject) refused.push({ index, code: reject.code, reason: reject.reason })
  }
  return { inputs: rows.length, encoded, refused }
}

function add(encoded: EncodedBatch, row: Row, entity: EntityName, now_ms: number): Reject | undefined {
  const value = 'value' in row ? row.value : undefined
  const record = isObject(value) ? value : undefined
  const input = record && entity === 'messages' && 'body' in record ? withoutMember(row.text, ['body']) : row.text
  const position = `records/${entity}/${createHash('sha256').update(row.text).digest('hex')}`
  if (!record) {
    const [code, reason] = 'fault' in row ? row.fault : (['identity_missing', 'the record is not an object'] as const)
    const reject: Reject = { position, entity, code, reason, payload: input }
    encoded.reject(reject)
    return reject
  }
  delete record['body']
  // What is written over as a whole, and has no history, is as new as the request.
  if (entities[entity].span.length === 0) record['version'] ??= now_ms
  if (entity === 'contacts') record['native_id'] ??= record['number']
  if (typeof record['payload'] !== 'string') record['payload'] = input
  return encoded.add({ entity, record, input, position } as unknown as CanonicalRecord)
}

function rowsOf(body: Buffer, content_type: string, entity: EntityName): Row[] {
  const type = content_type.split(';')[0]!.trim().toLowerCase()
  if (JSON_TYPES.includes(type)) return jsonRows(text(body))
  if (NDJSON_TYPES.includes(type)) return ndjsonRows(body)
  if (type === 'text/csv') return csvRows(text(body), entity)
  const known = [...JSON_TYPES, NDJSON_TYPES[0], 'text/csv'].join(', ')
  throw new CallhouseError('bad_request', `The Content-Type is none that records come in. Send one of ${known}.`, {
    details: { parameter: 'content-type' },
  })
}

function text(body: Buffer): string {
  if (!isUtf8(body)) throw new CallhouseError('bad_request', 'The body is not UTF-8.')
  return body.toString('utf8').replace(/^\uFEFF/, '')
}

function jsonRows(body: string): Row[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    throw new CallhouseError('bad_request', 'The body is not JSON. Nothing of it was kept.')
  }
  const list = Array.isArray(parsed) ? parsed : isObject(parsed) ? parsed['records'] : undefined
  if (!Array.isArray(list)) throw new CallhouseError('bad_request', 'The body is neither a JSON array of records nor { "records": [...] }.')
  const slices = sliceItems(Array.isArray(parsed) ? `{"records":${body}}` : body, 'records')
  return list.map((value: unknown, n) => ({ text: slices?.[n] ?? JSON.stringify(value), value }))
}

function ndjsonRows(body: Buffer): Row[] {
  const rows: Row[] = []
  for (let from = 0; from < body.length;) {
    const end = body.indexOf(10, from)
    const line = body.subarray(from, end === -1 ? body.length : end)
    from += line.length + 1
    const isText = isUtf8(line)
    const text = isText ? line.toString('utf8').trim() : line.toString('base64')
    if (text === '') continue
    if (!isText) rows.push({ text, fault: ['not_utf8', 'the line is not UTF-8; the payload is its base64'] })
    else
      try {
        rows.push({ text, value: JSON.parse(text) })
      } catch {
        rows.push({ text, fault: ['not_json', 'the line is not JSON'] })
      }
  }
  return rows
}

/** A column per field, named in the first line. What is empty is not given. */
function csvRows(body: string, entity: EntityName): Row[] {
  let lines: string[][]
  try {
    lines = parse(body, { skip_empty_lines: true, relax_column_count: true })
  } catch (thrown) {
    throw new CallhouseError('bad_request', `The body is not CSV: ${messageOf(thrown).split(/[:"]/)[0]}. Nothing of it was kept.`)
  }
  const [names = [], ...rows] = lines
  return rows.map((cells): Row => {
    const given = names.flatMap((name, n) => (cells[n] === undefined || cells[n] === '' ? [] : [[name.trim(), cells[n]] as const]))
    const text = JSON.stringify(Object.fromEntries(given))
    if (cells.length !== names.length)
      return { text, fault: ['too_few_fields', `the line has ${cells.length} columns, and the first line ${names.length}`] }
    return { text, value: Object.fromEntries(given.map(([name, cell]) => [name, typed(entity, name, cell)])) }
  })
}

/** Text as the field takes it; what it cannot be is left for the field to refuse. */
function typed(entity: EntityName, name: string, cell: string): unknown {
  const column = (entities[entity].fields as Record<string, { column: string }>)[name]?.column
  if (name === 'is_deleted' || column === 'Bool') return cell === 'true' ? true : cell === 'false' ? false : cell
  return name === 'version' && /^\d+$/.test(cell) ? Number(cell) : cell
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
