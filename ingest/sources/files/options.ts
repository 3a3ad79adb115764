/** What a files source is told, checked: every mistake at once, with its path. */
import { existsSync, readFileSync } from 'node:fs'
import { parseDocument } from 'yaml'
import { CallhouseError } from '../../../errors.ts'
import type { EntityName } from '../../records/index.ts'
import type { Mapping, RecordSpec } from '../rest/language.ts'
import { recordOf } from '../rest/read-spec.ts'
import { isZone } from '../rest/convert-value.ts'

export const fileFormats = ['csv', 'ndjson'] as const
export type FileFormat = (typeof fileFormats)[number]

export interface FilesOptions {
  id?: string
  /** A file, a directory (not what is below it), or a path whose last part has a `*`. */
  path: string
  /** One record, a list of them, or `{ zone?, ambiguous?, strip?, records }`; or the name of a YAML file with that. */
  mapping: unknown
  /** @default by extension */
  format?: string
  /** @default ',' */
  delimiter?: string
  /** @default the first row */
  columns?: readonly string[]
  /** @default utf8 */
  encoding?: string
  /** False for files nobody writes to any more. @default true */
  follow?: boolean
  /** What `zone: source` means in the mapping. @default UTC */
  time_zone?: string
  /** Rows per batch. @default 5000 */
  batch_rows?: number
}

export interface FilesPlan {
  path: string
  records: RecordSpec[]
  entities: EntityName[]
  /** Columns, or members, that are removed before anything is stored. */
  strip: string[]
  format: FileFormat | undefined
  delimiter: string
  columns: readonly string[] | undefined
  is_latin1: boolean
  follow: boolean
  batch_rows: number
}

type Thing = Record<string, unknown>

/** Where a row stands, for sources whose rows have no id of their own. */
const LINE_IDENTITY = '{$file}:{$offset}'
const delimiters: Record<string, string> = { tab: '\t', '\\t': '\t', '': ',' }

/** Throws config_invalid that lists every mistake. */
export function planOf(options: FilesOptions): FilesPlan {
  const mistakes: string[] = []
  const { path, format, columns, encoding = 'utf8', follow = true, batch_rows = 5_000, time_zone = 'UTC' } = options
  const delimiter = delimiters[options.delimiter ?? ''] ?? options.delimiter ?? ','
  if (typeof path !== 'string' || path === '') mistakes.push('path: is not a text')
  if (format === 'parquet') mistakes.push('format: Parquet is not read yet; convert the file to NDJSON or CSV first')
  else if (format !== undefined && !fileFormats.includes(format as FileFormat)) mistakes.push(`format: is not one of ${fileFormats.join(', ')}`)
  if (delimiter !== 'auto' && (delimiter.length !== 1 || '"\r\n'.includes(delimiter)))
    mistakes.push('delimiter: is neither one character, nor tab, nor auto')
  if (columns !== undefined && (!Array.isArray(columns) || columns.length === 0 || !columns.every((name) => typeof name === 'string')))
    mistakes.push('columns: is not a list of names')
  if (!['utf8', 'latin1'].includes(encoding)) mistakes.push('encoding: is not utf8 or latin1')
  if (typeof follow !== 'boolean') mistakes.push('follow: is not true or false')
  const { records, strip } = readMapping(options.mapping, time_zone, mistakes)
  if (mistakes.length > 0) {
    const list = mistakes.map((one) => `\n  - ${one}`).join('')
    throw new CallhouseError('config_invalid', `The files source "${options.id ?? path}" has ${mistakes.length} mistake(s):${list}`, {
      details: { mistakes },
    })
  }
  const entities = [...new Set(records.map(({ entity }) => entity as EntityName))]
  // A message's body is never kept.
  if (entities.some((entity) => entity === 'messages' || entity === 'message_events')) strip.push('body')
  return {
    path,
    records,
    entities,
    strip: [...new Set(strip)],
    format: format as FileFormat | undefined,
    delimiter,
    columns,
    is_latin1: encoding === 'latin1',
    follow,
    batch_rows,
  }
}

/** The columns that a mapping asks for; what begins with $ is no column. */
export function columnsAsked(value: unknown): Set<string> {
  if (Array.isArray(value)) return new Set(value.flatMap((one) => [...columnsAsked(one)]))
  if (!isThing(value)) return new Set()
  const { from, template } = value
  const paths = typeof from === 'string' ? [from] : []
  if (typeof template === 'string') for (const [, path = ''] of template.matchAll(/\{([^{}]*)\}/g)) paths.push(path)
  const own = paths.map((path) => path.replace(/^\^/, '').split(/[.[]/, 1)[0]!).filter((name) => name !== '' && name !== '#' && !name.startsWith('$'))
  return new Set([...own, ...Object.values(value).flatMap((one) => [...columnsAsked(one)])])
}

function readMapping(given: unknown, time_zone: string, mistakes: string[]): { records: RecordSpec[]; strip: string[] } {
  const nothing = { records: [], strip: [] }
  let raw = given
  if (typeof given === 'string') {
    if (!existsSync(given)) {
      mistakes.push(`mapping: there is no file ${given}`)
      return nothing
    }
    const document = parseDocument(readFileSync(given, 'utf8'), { merge: true })
    const broken = document.errors[0]
    if (broken) {
      mistakes.push(`mapping: ${given} is not YAML: ${broken.message}`)
      return nothing
    }
    raw = document.toJS()
  }
  const is_whole = isThing(raw) && 'records' in raw
  const whole: Thing = is_whole ? (raw as Thing) : { records: raw }
  for (const key of Object.keys(whole))
    if (!['zone', 'ambiguous', 'strip', 'records'].includes(key)) mistakes.push(`mapping.${key}: is not one of zone, ambiguous, strip, records`)
  const { zone, ambiguous, strip = [] } = whole
  if (zone !== undefined && zone !== 'source' && !(typeof zone === 'string' && isZone(zone)))
    mistakes.push('mapping.zone: is not an IANA time zone such as Europe/Berlin, nor "source"')
  if (ambiguous !== undefined && !['earlier', 'later', 'reject'].includes(ambiguous as string))
    mistakes.push('mapping.ambiguous: is not one of earlier, later, reject')
  if (!Array.isArray(strip) || !strip.every((one) => typeof one === 'string')) mistakes.push('mapping.strip: is not a list of names')
  const list = Array.isArray(whole['records']) ? (whole['records'] as unknown[]) : [whole['records']]
  if (list.length === 0) mistakes.push('mapping.records: is empty')
  const records = list.map((record, n) => {
    const path = list.length > 1 || is_whole ? `mapping.records[${n}]` : 'mapping'
    const identified = isThing(record) && record['native_id'] === undefined ? { ...record, native_id: LINE_IDENTITY } : record
    return recordOf(identified, path, mistakes) as RecordSpec
  })
  if (mistakes.length > 0) return nothing
  const settle = (mapping: Mapping): Mapping => {
    const own = mapping.zone ?? (zone as string | undefined)
    const settled: Mapping = { ...mapping, ambiguous: mapping.ambiguous ?? (ambiguous as Mapping['ambiguous']) }
    if (own !== undefined) settled.zone = own === 'source' ? time_zone : own
    if (mapping.first_of) settled.first_of = (mapping.first_of as Mapping[]).map(settle)
    return settled
  }
  const settled = records.map((record) => ({
    ...record,
    native_id: settle(record.native_id),
    ...(record.anchor_at && { anchor_at: settle(record.anchor_at) }),
    ...(record.version && { version: settle(record.version) }),
    fields: Object.fromEntries(Object.entries(record.fields).map(([name, mapping]) => [name, settle(mapping)])),
  }))
  return { records: settled, strip: [...(strip as string[])] }
}

function isThing(value: unknown): value is Thing {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
