/**
 * Query parameter values as text, exactly as the HTTP client writes them, so a
 * parameter means the same in both modes. The client does not export its own.
 */
import { TupleParam } from '@clickhouse/client'

const ESCAPES: Record<string, string> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', "'": "\\'", '\\': '\\\\', '\0': '\\0' }

function escapeText(text: string): string {
  return /[\t\n\r'\\\0]/.test(text) ? text.replace(/[\t\n\r'\\\0]/g, (char) => ESCAPES[char] ?? char) : text
}

/** The text ClickHouse reads a parameter's value from; its type is in the query's `{name:Type}`. */
export function formatParam(value: unknown): string {
  return format(value, false)
}

function format(value: unknown, isNested: boolean): string {
  if (value === null || value === undefined) return isNested ? 'NULL' : '\\N'
  if (typeof value === 'string') return isNested ? `'${escapeText(value)}'` : escapeText(value)
  if (typeof value === 'number') return formatNumber(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'boolean') return isNested ? (value ? 'TRUE' : 'FALSE') : value ? '1' : '0'
  if (Array.isArray(value)) return `[${value.map((item) => format(item, true)).join(',')}]`
  if (value instanceof Date) return formatDate(value)
  if (value instanceof TupleParam) return `(${value.values.map((item) => format(item, true)).join(',')})`
  if (typeof value === 'object') {
    const entries = value instanceof Map ? [...value.entries()] : Object.entries(value)
    return `{${entries.map(([key, item]) => `${format(key, true)}:${format(item, true)}`).join(',')}}`
  }
  throw new TypeError(`A query parameter cannot be a ${typeof value}`)
}

function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? '+inf' : '-inf'
  return String(value)
}

/** Seconds since 1970, so that no time zone is involved. */
function formatDate(value: Date): string {
  const seconds = String(Math.floor(value.getTime() / 1000)).padStart(10, '0')
  const ms = value.getUTCMilliseconds()
  return ms === 0 ? seconds : `${seconds}.${String(ms).padStart(3, '0')}`
}
