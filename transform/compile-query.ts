/** The only SQL generator: a request about metrics becomes one SELECT. Identifiers come from the catalogue, every value is a bound parameter. */
import { CallhouseError } from '../errors.ts'
import { columnOf, findDimension, rowsOf, type Dimension, type DimensionName } from './dimensions.ts'
import { facts, type FactName } from './facts.ts'
import type { Metric, MetricUnit } from './metrics/index.ts'
import type { Filter } from './parse-filter.ts'
import { readRequest, type QueryRequest, type ReadRequest } from './query-request.ts'
import { localDays, oddShifts } from './time-range.ts'
import { timeExpression } from './time-expression.ts'

export type { QueryRequest } from './query-request.ts'

export interface Column {
  readonly name: string
  readonly unit: MetricUnit | 'time' | 'id' | 'name'
  /** ClickHouse's type. */
  readonly type: string
}

export interface CompiledQuery {
  readonly sql: string
  readonly params: Record<string, string | number | readonly string[] | readonly number[]>
  readonly columns: readonly Column[]
  readonly request: ReadRequest
}

const indent = (text: string) => text.replace(/^/gm, '  ')
const list = (parts: readonly string[]) => parts.map((part) => `\n  ${part}`).join(',')

function namesOf(name: DimensionName): NonNullable<Dimension['names']> | undefined {
  return findDimension(name).names
}

/** The latest display name of each id of a tenant's directory. */
function directory(names: NonNullable<Dimension['names']>): string {
  return [
    `SELECT ${names.id} AS id, argMax(${names.name}, (ifNull(valid_from, toDateTime64(0, 3, 'UTC')), version)) AS latest_name`,
    `FROM ${names.table} FINAL`,
    'WHERE tenant_id = {tenant_id:String}',
    'GROUP BY id',
  ].join('\n')
}

function filterCondition(filter: Filter, index: number, fact: FactName): string {
  const dimension = findDimension(filter.dimension)
  const column = columnOf(filter.dimension, fact)
  const values = `{filter_${index}:Array(String)}`
  const byId = `${column} IN ${values}`
  const either =
    dimension.filter_by_name && dimension.names
      ? `(${byId} OR ${column} IN (\n${indent(`SELECT id FROM (\n${indent(directory(dimension.names))}\n) WHERE latest_name IN ${values}`)}\n))`
      : byId
  return filter.negated ? `NOT (${either})` : either
}

/** The rows of one fact: pruned by primary key (tenant, day, generation) before anything else is read. */
function selectFact(request: ReadRequest, fact: FactName, metrics: readonly string[], shifts: boolean): string {
  const { table, daily } = facts[fact]
  const time = timeExpression(request.range.grain, daily, shifts)
  const keys = request.dimensions.map((name) => `d_${name}`)
  const grouped = time ? ['d_time', ...keys] : keys
  const [first, last] = daily ? ['{first_date:Date}', '{last_date:Date}'] : ['{from_day:Date}', '{to_day:Date}']
  const conditions = [
    'tenant_id = {tenant_id:String}',
    `day BETWEEN ${first} AND ${last}`,
    `(day, generation) IN (\n    SELECT day, max(generation)\n    FROM published_days\n    WHERE fact = '${fact}' AND tenant_id = {tenant_id:String} AND day BETWEEN ${first} AND ${last}\n    GROUP BY day\n  )`,
    ...(daily ? [] : ["bucket_start >= {from:DateTime('UTC')} AND bucket_start < {to:DateTime('UTC')}"]),
    ...request.dimensions.flatMap((name) => rowsOf(name, fact) ?? []),
    ...request.filters.map((filter, index) => filterCondition(filter, index, fact)),
  ]
  const selected = [...(time ? [`${time} AS d_time`] : []), ...request.dimensions.map((name) => `${columnOf(name, fact)} AS d_${name}`), ...metrics]
  const group = grouped.length > 0 ? `\nGROUP BY ${grouped.join(', ')}` : ''
  return `SELECT${list(selected)}\nFROM ${table}\nWHERE ${conditions.join('\n  AND ')}${group}`
}

/** One fact: its rows. Several: their rows under one another, then put side by side by the dimensions. */
function selectFacts(request: ReadRequest, shifts: boolean): string {
  const named = (metric: Metric) => `${metric.expression} AS m_${metric.name}`
  const parts = request.facts.map((fact) =>
    selectFact(
      request,
      fact,
      request.metrics.map((metric) =>
        metric.fact === fact ? named(metric) : `CAST(${isNullable(metric) ? 'NULL' : '0'} AS ${metric.type}) AS m_${metric.name}`,
      ),
      shifts,
    ),
  )
  if (parts.length === 1) return parts.join('')
  const keys = [...(request.range.grain === 'none' ? [] : ['d_time']), ...request.dimensions.map((name) => `d_${name}`)]
  // Each fact has at most one row per key, so the sum or any non-null value is that row's.
  const values = request.metrics.map((metric) => `${isNullable(metric) ? 'any' : 'sum'}(part.m_${metric.name}) AS m_${metric.name}`)
  const group = keys.length > 0 ? `\nGROUP BY ${keys.join(', ')}` : ''
  return `SELECT${list([...keys, ...values])}\nFROM (\n${indent(parts.join('\nUNION ALL\n'))}\n) AS part${group}`
}

function isNullable(metric: Metric): boolean {
  return metric.type.startsWith('Nullable')
}

function columnsOf(request: ReadRequest): Column[] {
  const time: Column[] = request.range.grain === 'none' ? [] : [{ name: 'time', unit: 'time', type: `DateTime64(0, '${request.range.tz}')` }]
  const keys = request.dimensions.flatMap((name): Column[] => {
    const names = namesOf(name)
    return [{ name, unit: 'id', type: 'String' }, ...(names ? [{ name: names.column, unit: 'name', type: 'String' } as const] : [])]
  })
  return [...time, ...keys, ...request.metrics.map(({ name, unit, type }) => ({ name, unit, type }))]
}

function orderOf(request: ReadRequest, columns: readonly Column[]): string {
  const chosen = request.order.map((text) => {
    const name = text.replace(/^-/, '')
    if (!columns.some((column) => column.name === name)) {
      const known = columns.map((column) => column.name).join(', ')
      throw new CallhouseError(
        'bad_request',
        `order=${text.slice(0, 60)} is not a column of this answer. Its columns: ${known}; put - in front for descending.`,
      )
    }
    return { name, sql: text.startsWith('-') ? `${name} DESC NULLS LAST` : `${name} NULLS LAST` }
  })
  // The keys at the end make the order, and so a LIMIT, the same every time.
  const keys = columns.filter((column) => column.unit === 'time' || column.unit === 'id').map((column) => column.name)
  const rest = keys.filter((name) => !chosen.some((column) => column.name === name))
  const all = [...chosen.map((column) => column.sql), ...rest]
  return all.length > 0 ? `\nORDER BY ${all.join(', ')}` : ''
}

function paramsOf(request: ReadRequest, shifts: readonly number[], sql: string): CompiledQuery['params'] {
  const { range } = request
  const utc = (ms: number) => new Date(ms).toISOString()
  const days = localDays(range)
  const params: CompiledQuery['params'] = {
    tenant_id: request.tenant_id,
    tz: range.tz,
    from: utc(range.from_ms).slice(0, 19).replace('T', ' '),
    to: utc(range.to_ms).slice(0, 19).replace('T', ' '),
    from_day: utc(range.from_ms).slice(0, 10),
    to_day: utc(range.to_ms - 1).slice(0, 10),
    first_date: days.first,
    last_date: days.last,
    threshold_ms: request.threshold_ms,
    short_abandon_ms: request.short_abandon_ms,
    shifts,
    ...(request.limit === undefined ? {} : { limit: request.limit }),
    ...Object.fromEntries(request.filters.map((filter, index) => [`filter_${index}`, filter.values])),
  }
  return Object.fromEntries(Object.entries(params).filter(([name]) => sql.includes(`{${name}:`)))
}

/**
 * Compiles a request to one SELECT with bound parameters. Throws
 * `metric_unknown`, `dimension_unknown`, `dimension_incompatible`,
 * `filter_invalid`, `range_invalid`, `zone_unknown`, `query_too_large` or
 * `bad_request`, each saying what to write instead.
 *
 * @example compileQuery({ tenant_id: 'acme', metrics: ['offered'], dimensions: ['queue'], from: '2026-10-01', to: '2026-11-01', tz: 'Europe/Berlin', grain: '1d' })
 */
export function compileQuery(asked: QueryRequest): CompiledQuery {
  const request = readRequest(asked)
  const shifts = oddShifts(request.range)
  const columns = columnsOf(request)
  const selected = [
    // As DateTime64, because Arrow gets a DateTime as a bare integer and this one as a timestamp with its zone.
    ...(request.range.grain === 'none' ? [] : ['toDateTime64(d_time, 0) AS time']),
    ...request.dimensions.flatMap((name) => {
      const names = namesOf(name)
      return [`d_${name} AS ${name}`, ...(names ? [`coalesce(nullIf(${name}_names.latest_name, ''), d_${name}) AS ${names.column}`] : [])]
    }),
    ...request.metrics.map((metric) => `m_${metric.name} AS ${metric.name}`),
  ]
  const joins = request.dimensions.map((name) => {
    const names = namesOf(name)
    return names ? `\nLEFT JOIN (\n${indent(directory(names))}\n) AS ${name}_names ON ${name}_names.id = counted.d_${name}` : ''
  })
  const limit = request.limit === undefined ? '' : '\nLIMIT {limit:UInt32}'
  const body = `(\n${indent(selectFacts(request, shifts.length > 0))}\n) AS counted`
  const sql = `SELECT${list(selected)}\nFROM ${body}${joins.join('')}${orderOf(request, columns)}${limit}`
  return { sql, params: paramsOf(request, shifts, sql), columns, request }
}
