/** A row of a file as canonical records, through the mapping that declarative REST sources use too. */
import { createHash } from 'node:crypto'
import { withoutMember } from '../../json-items.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import type { Reject, Reparsed, StoredInput } from '../../source.ts'
import { compileMapper, type Mapped } from '../rest/map-item.ts'
import type { FilesPlan } from './options.ts'
import type { Row } from './rows.ts'

export interface RowPlace {
  file: string
  modified_ms: number
}

export interface ReadRow {
  records: CanonicalRecord[]
  reject?: Reject
}

export interface RowMapper {
  csv(row: Row, columns: readonly string[], place: RowPlace): ReadRow
  ndjson(row: Row, place: RowPlace): ReadRow
  reread(stored: StoredInput): Reparsed
}

type Fault = Pick<Reject, 'code' | 'reason'>

/** What a mapping can ask of a row beside its columns: `$file`, `$line`, `$offset`, `$hash` (of the row's text). */
const WHERE = /\$(file|line|offset|hash)\b/
const POSITION = /^(.*):(\d+)@(\d+)$/s
/** A row that is read again by itself does not say when its file was modified: whatever a file says wins. */
const LEAST_VERSION = 1

const UNMATCHED: Fault = { code: 'unmatched', reason: 'fits the conditions of none of the records in the mapping' }

export function compileRowMapper({ records, strip }: FilesPlan): RowMapper {
  const mapItem = compileMapper(records)
  const asks_where = WHERE.test(JSON.stringify(records))

  const map = (item: unknown, payload: string, version: number, where: () => Record<string, unknown>): Mapped =>
    mapItem(asks_where && typeof item === 'object' && item !== null && !Array.isArray(item) ? { ...item, ...where() } : item, payload, version)

  const read = (item: unknown, payload: string, row: Row, { file, modified_ms }: RowPlace): ReadRow => {
    const where = () => ({ $file: file, $line: row.line, $offset: row.offset, $hash: hashOf(row.text) })
    const mapped = map(item, payload, modified_ms, where)
    const position = positionOf(file, row)
    for (const record of mapped.records) record.position = position
    const fault = mapped.fault ?? (mapped.records.length === 0 ? UNMATCHED : undefined)
    return fault ? { records: mapped.records, reject: { position, ...fault, payload } } : { records: mapped.records }
  }

  /** What cannot be taken apart cannot have a member removed from it either. */
  const refused = (row: Row, place: RowPlace, fault: Fault): ReadRow => {
    const payload = strip.length > 0 ? '' : row.text
    return { records: [], reject: { position: positionOf(place.file, row), ...fault, payload } }
  }

  return {
    csv(row, columns, place) {
      const { values } = row
      if (!values || row.problem) return refused(row, place, row.problem ?? { code: 'too_few_fields', reason: 'is not a row' })
      if (values.length !== columns.length) {
        const code = values.length < columns.length ? 'too_few_fields' : 'field_invalid'
        return refused(row, place, { code, reason: `has ${values.length} fields where the file has ${columns.length} columns` })
      }
      const item = Object.fromEntries(columns.map((name, n) => [name, values[n]!] as const).filter(([name]) => !strip.includes(name)))
      return read(item, JSON.stringify(item), row, place)
    },
    ndjson(row, place) {
      if (row.problem) return refused(row, place, row.problem)
      let item: unknown
      try {
        item = JSON.parse(row.text)
      } catch {
        return refused(row, place, { code: 'not_json', reason: 'is not JSON' })
      }
      if (typeof item !== 'object' || item === null || Array.isArray(item))
        return refused(row, place, { code: 'identity_missing', reason: 'is not an object' })
      let payload = row.text
      for (const name of strip)
        if (Object.hasOwn(item as object, name)) {
          payload = withoutMember(payload, [name])
          item = JSON.parse(payload) as unknown
        }
      return read(item, payload, row, place)
    },
    reread({ payload, position, version, entity }) {
      const [, file, line, offset] = POSITION.exec(position ?? '') ?? []
      // A record's payload does not say where its row stood.
      if (asks_where && file === undefined) return { records: [], rejects: [] }
      let item: unknown
      try {
        item = JSON.parse(payload)
      } catch {
        return { records: [], rejects: [{ code: 'not_json', reason: 'the stored payload is not JSON' }] }
      }
      const where = () => ({ $file: file, $line: Number(line), $offset: Number(offset), $hash: hashOf(payload) })
      const mapped = map(item, payload, version ?? LEAST_VERSION, where)
      const wanted = mapped.records.filter((record) => version === undefined || record.entity === entity)
      const fault = mapped.fault ?? (mapped.records.length === 0 ? UNMATCHED : undefined)
      return { records: wanted, rejects: fault ? [fault] : [] }
    },
  }
}

/** `calls.csv:12@3456`: the file, the line, and the byte the row begins at. */
function positionOf(file: string, { line, offset }: Row): string {
  return `${file}:${line}@${offset}`
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}
