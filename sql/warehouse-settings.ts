/**
 * The ClickHouse settings every warehouse connection has, whichever engine it
 * is, and how settings are written for the embedded one.
 */
import { SettingsMap, type ClickHouseSettings } from '@clickhouse/client'
import { CallhouseError } from '../errors.ts'

export const warehouseDefaults = {
  // A server's own time zone must not decide what a day is.
  session_timezone: 'UTC',
  // The insert is durable when it returns; the loader batches by itself.
  async_insert: 0,
  // A backfill's batch may hold rows of many months.
  max_partitions_per_insert_block: '0',
  // A misspelt column is an error, not a lost value.
  input_format_skip_unknown_fields: 0,
  // Versions of a record share a partition (anchor_day never changes), so FINAL need not look across.
  do_not_merge_across_partitions_select_final: 1,
  // The JavaScript Arrow readers have no codec built in.
  output_format_arrow_compression_method: 'none',
  output_format_json_quote_64bit_integers: 0,
  // Money keeps every digit.
  output_format_json_quote_decimals: 1,
} as const satisfies ClickHouseSettings

/** Parameters of the HTTP interface that are no settings of the engine. */
const HTTP_ONLY = new Set([
  'wait_end_of_query',
  'buffer_size',
  'default_format',
  'enable_http_compression',
  'http_zlib_compression_level',
  'client_protocol_version',
  'compress',
  'decompress',
  'stacktrace',
])

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/

/** A ClickHouse string literal. */
export function quote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&').replaceAll('\0', '\\0')}'`
}

/** Throws unless a name can stand in a statement as it is. */
export function checkIdentifier(name: string, what: string): string {
  if (!IDENTIFIER.test(name))
    throw new CallhouseError('bad_request', `${JSON.stringify(name)} is not a ${what}: use letters, digits and underscores.`)
  return name
}

/** The statement that gives one connection its database, its settings and its query parameters. */
export function sessionPrelude(database: string, settings: ClickHouseSettings = {}, params: Record<string, string> = {}): string {
  const parts: string[] = []
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined || HTTP_ONLY.has(name)) continue
    parts.push(`${checkIdentifier(name, 'setting name')} = ${settingLiteral(value)}`)
  }
  for (const [name, text] of Object.entries(params)) parts.push(`param_${checkIdentifier(name, 'query parameter name')} = ${quote(text)}`)
  const use = `USE ${checkIdentifier(database, 'database name')}`
  return parts.length === 0 ? use : `${use}; SET ${parts.join(', ')}`
}

function settingLiteral(value: unknown): string {
  if (typeof value === 'boolean') return value ? '1' : '0'
  if (typeof value === 'number') return quote(String(value))
  if (typeof value === 'string') return quote(value)
  if (value instanceof SettingsMap) return quote(value.toString())
  throw new TypeError(`A setting cannot be a ${typeof value}`)
}
