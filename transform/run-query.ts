/** Runs a metrics request: as objects for JSON, or as SQL whose bytes the API streams in another format. */
import { CallhouseError } from '../errors.ts'
import type { Warehouse } from '../sql/warehouse.ts'
import { compileQuery, type Column, type CompiledQuery, type QueryRequest } from './compile-query.ts'
import { readCompleteness, readCoverage, type Completeness, type ReadCoverage } from './completeness.ts'

/** More rows than this are not built as objects; CSV and Arrow stream any number. */
export const maxJsonRows = 100_000

export type Value = string | number | null
export interface QueryResult extends Completeness {
  readonly columns: readonly Column[]
  readonly rows: Record<string, Value>[]
}

const jsonSettings = {
  output_format_json_array_of_rows: 1,
  output_format_json_quote_64bit_integers: 0,
  output_format_json_quote_decimals: 1,
  output_format_json_quote_denormals: 0,
} as const

/** ISO 8601 with the offset that the zone has at that instant. */
const isoTime = `concat(
    formatDateTime(time, '%FT%T'),
    if(timezoneOffset(time) < 0, '-', '+'),
    leftPad(toString(intDiv(abs(timezoneOffset(time)), 3600)), 2, '0'), ':',
    leftPad(toString(intDiv(abs(timezoneOffset(time)) % 3600, 60)), 2, '0'))`

/** What JSON writes differently from the column's type: times with their offset, and quantities as numbers (money stays an exact string). */
function asJson(sql: string, columns: readonly Column[]): string {
  const replaced = columns.flatMap((column) => {
    if (column.unit === 'time') return [`${isoTime} AS time`]
    return column.type.startsWith('Decimal') && column.unit !== 'money' ? [`toFloat64(${column.name}) AS ${column.name}`] : []
  })
  return replaced.length === 0 ? sql : `SELECT * REPLACE (${replaced.join(', ')}) FROM (\n${sql}\n)`
}

/**
 * Answers a request as the JSON text, in bytes, of `{ columns, rows, as_of, complete }`. The
 * rows are ClickHouse's own JSON: building objects of them here and writing them
 * out again took as long as the query. Throws what `compileQuery` throws, and
 * `query_too_large` rather than an answer that was cut short.
 */
export async function queryAsJson(warehouse: Warehouse, request: QueryRequest, coverageOf: ReadCoverage = readCoverage): Promise<Buffer> {
  const most = Math.min(request.limit ?? Infinity, maxJsonRows + 1)
  const { sql, params, columns, request: read } = compileQuery({ ...request, limit: most })
  // Coverage first: read after the rows, it could vouch for records that came in between.
  const { as_of, complete } = await readCompleteness(warehouse, read, coverageOf)
  const rows = await jsonRows(warehouse, asJson(sql, columns), params)
  if (rowsIn(rows) > maxJsonRows) {
    throw new CallhouseError(
      'query_too_large',
      `The answer has more than ${maxJsonRows} rows. Ask for a coarser grain, fewer dimensions, a limit, or for CSV or Arrow, which stream any number.`,
    )
  }
  return Buffer.concat([
    Buffer.from(`{"columns":${JSON.stringify(columns)},"rows":`),
    rows,
    Buffer.from(`,"as_of":${JSON.stringify(as_of)},"complete":${String(complete)}}`),
  ])
}

/** The bytes of a JSON array, a row a line between the brackets' lines. */
async function jsonRows(warehouse: Warehouse, sql: string, query_params: Record<string, unknown>): Promise<Buffer> {
  const { stream } = await warehouse.exec({ query: `${sql}\nFORMAT JSONEachRow`, query_params, clickhouse_settings: jsonSettings })
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Line breaks inside values are escaped, so every one ends a bracket's line or a row. */
function rowsIn(array: Buffer): number {
  let lines = 0
  for (let at = array.indexOf(10); at >= 0; at = array.indexOf(10, at + 1)) lines += 1
  return lines - 2
}

/** The same answer as an object. */
export async function runQuery(warehouse: Warehouse, request: QueryRequest): Promise<QueryResult> {
  return JSON.parse((await queryAsJson(warehouse, request)).toString()) as QueryResult
}

/** The SQL that queryAsJson runs. */
export function queryForJson(request: QueryRequest): Pick<CompiledQuery, 'sql' | 'params'> {
  const { sql, params, columns } = compileQuery(request)
  return { sql: asJson(sql, columns), params }
}

/** The SQL of a request for CSVWithNames or ArrowStream; the caller streams ClickHouse's own bytes. */
export function queryForFormat(request: QueryRequest): Pick<CompiledQuery, 'sql' | 'params' | 'columns' | 'request'> {
  return compileQuery(request)
}
