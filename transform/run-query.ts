/** Runs a metrics request: as objects for JSON, or as SQL whose bytes the API streams in another format. */
import { CallhouseError } from '../errors.ts'
import type { Warehouse } from '../sql/warehouse.ts'
import { compileQuery, type Column, type CompiledQuery, type QueryRequest } from './compile-query.ts'
import { readCompleteness, type Completeness } from './completeness.ts'
import { localTimeFormat, type TimeRange } from './time-range.ts'

/** More rows than this are not built as objects; CSV and Arrow stream any number. */
export const maxJsonRows = 100_000

export type Value = string | number | null
export interface QueryResult extends Completeness {
  readonly columns: readonly Column[]
  readonly rows: Record<string, Value>[]
}

const jsonSettings = {
  date_time_output_format: 'unix_timestamp',
  output_format_json_quote_64bit_integers: 0,
  output_format_json_quote_decimals: 1,
  output_format_json_quote_denormals: 0,
} as const

/** How a column's raw JSON value becomes the answer's: times with the zone's offset, money as exact strings, the rest as numbers. */
function reader(column: Column, range: TimeRange): ((raw: Value) => Value) | undefined {
  if (column.unit === 'time') {
    const format = localTimeFormat(range)
    return (raw) => format(Number(raw))
  }
  if (column.type.startsWith('Decimal') && column.unit !== 'money') return (raw) => (raw === null ? null : Number(raw))
  return undefined
}

/** Fills one property of every row at a time: a month by queue and half-hour (30,000 rows) took 5 ms instead of 14 row by row. */
function toRows(columns: readonly Column[], data: Record<string, Value[]>, count: number, range: TimeRange): Record<string, Value>[] {
  const rows = Array.from({ length: count }, (): Record<string, Value> => ({}))
  if (count === 0) return rows
  for (const column of columns) {
    const { name } = column
    const read = reader(column, range) ?? ((raw: Value) => raw)
    const values = data[name] ?? []
    for (const [i, row] of rows.entries()) row[name] = read(values[i] ?? null)
  }
  return rows
}

/**
 * Answers a request with rows as objects. Throws what `compileQuery` throws,
 * and `query_too_large` rather than an answer that was cut short.
 */
export async function runQuery(warehouse: Warehouse, request: QueryRequest): Promise<QueryResult> {
  const most = Math.min(request.limit ?? Infinity, maxJsonRows + 1)
  const { sql, params, columns, request: read } = compileQuery({ ...request, limit: most })
  // Coverage first: read after the rows, it could vouch for records that came in between.
  const completeness = await readCompleteness(warehouse, read)
  // Columns rather than rows: the text is shorter, and parses in two thirds of the time.
  const result = await warehouse.query({ query: sql, query_params: params, format: 'JSONColumnsWithMetadata', clickhouse_settings: jsonSettings })
  const { data, rows: count } = JSON.parse(await result.text()) as { data: Record<string, Value[]>; rows: number }
  if (count > maxJsonRows) {
    throw new CallhouseError(
      'query_too_large',
      `The answer has more than ${maxJsonRows} rows. Ask for a coarser grain, fewer dimensions, a limit, or for CSV or Arrow, which stream any number.`,
    )
  }
  return { columns, rows: toRows(columns, data, count, read.range), ...completeness }
}

/** The SQL of a request for CSVWithNames or ArrowStream; the caller streams ClickHouse's own bytes. */
export function queryForFormat(request: QueryRequest): Pick<CompiledQuery, 'sql' | 'params' | 'columns' | 'request'> {
  return compileQuery(request)
}
