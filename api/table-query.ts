/** The SQL that reads a tenant's rows of one table: current versions only, in storage order. */
import type { Table } from './tables.ts'
import type { TimeRange } from './time-range.ts'

export interface TableQuery {
  query: string
  query_params: Record<string, unknown>
}

/** Where a page ends: the storage key of its last row. */
export interface Position {
  anchor_day: string
  source_id: string
  native_id: string
}

export interface TableRead {
  tenant_id: string
  range: TimeRange
  includePayload?: boolean
  /** Rows after this one only. */
  after?: Position
  limit?: number
}

/** A SELECT over one table with every value as a query parameter. */
export function tableQuery(table: Table, read: TableRead): TableQuery {
  const columns = Object.entries(read.includePayload && table.kind === 'entity' ? { ...table.columns, payload: 't.payload' } : table.columns)
  const conditions = ['t.tenant_id = {tenant_id:String}', ...timeConditions(table, read.range)]
  // The plain comparison beside the tuple's is what lets the primary key skip what is behind us.
  if (read.after)
    conditions.push(
      't.anchor_day >= {after_day:Date}',
      '(t.anchor_day, t.source_id, t.native_id) > ({after_day:Date}, {after_source:String}, {after_id:String})',
    )
  const order = table.kind === 'entity' ? 't.anchor_day, t.source_id, t.native_id' : `t.bucket_start, ${factKey(table)}`
  const query = `${table.with === undefined ? '' : `${table.with}\n`}SELECT ${columns.map(([name, expression]) => `${expression} AS ${name}`).join(', ')}
FROM ${table.name} AS t${table.kind === 'entity' ? ' FINAL' : ''}
WHERE ${conditions.join('\n  AND ')}
ORDER BY ${order}${read.limit === undefined ? '' : '\nLIMIT {limit:UInt32}'}`
  return { query, query_params: params(table, read) }
}

/** A fact's rows have no id: its dimensions make the order the same each time. */
function factKey(table: Table): string {
  return Object.entries(table.columns)
    .filter(([name]) => /_id$|^(direction|campaign|currency|number|category|unit)$/.test(name))
    .map(([, expression]) => expression)
    .join(', ')
}

function timeConditions(table: Table, { from_ms, to_ms }: TimeRange): string[] {
  if (from_ms === undefined && to_ms === undefined) return []
  const time = table.is_day ? `toDateTime64(t.${table.time}, 3, 'UTC')` : `t.${table.time}`
  return [
    ...dayCondition(table),
    ...(from_ms === undefined ? [] : [`${time} >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')`]),
    ...(to_ms === undefined ? [] : [`${time} < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')`]),
  ]
}

/** Records are stored by a day that never changes, which need not be the day they happened: day_reach knows. */
function dayCondition(table: Table): string[] {
  if (table.kind === 'fact') return ['t.day BETWEEN {from_day:Date} AND {to_day:Date}']
  if (!table.has_reach) return []
  return [
    `t.anchor_day IN (
    SELECT anchor_day FROM day_reach WHERE tenant_id = {tenant_id:String} AND entity = {entity:String} AND day BETWEEN {from_day:Date} AND {to_day:Date}
  )`,
  ]
}

function params(table: Table, { tenant_id, range, after, limit }: TableRead): Record<string, unknown> {
  const { from_ms = 0, to_ms = Date.UTC(2149, 0, 1) } = range
  return {
    tenant_id,
    entity: table.name,
    from_ms,
    to_ms,
    from_day: dayOf(from_ms),
    to_day: dayOf(to_ms),
    ...(after ? { after_day: after.anchor_day, after_source: after.source_id, after_id: after.native_id } : {}),
    ...(limit === undefined ? {} : { limit }),
  }
}

/** The UTC day of an instant, as ClickHouse takes a Date. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
