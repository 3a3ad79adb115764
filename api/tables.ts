/**
 * The tables a tenant may read as rows, with the columns each gives out. Names
 * in a request are looked up here and never become SQL themselves.
 */
import { CallhouseError } from '../errors.ts'
import type { Entity } from '../ingest/records/entity.ts'
import { entities } from '../ingest/records/index.ts'
import { didYouMean, nearestNames } from '../transform/nearest-names.ts'
import { factColumns } from './fact-columns.ts'

export interface Table {
  name: string
  kind: 'entity' | 'fact'
  /** Column name to the SQL expression that gives it. */
  columns: Readonly<Record<string, string>>
  /** What the expressions name beside the table, as a WITH clause. */
  with?: string
  /** The column `from` and `to` bound. */
  time: string
  is_day: boolean
  /** True when day_reach knows which storage days a time range is in. */
  has_reach: boolean
}

/** Identity and storage columns of every entity that go out with its own fields. */
const ENVELOPE = {
  source_id: 'LowCardinality(String)',
  native_id: 'String',
  anchor_day: 'Date',
  version: 'UInt64',
  observed_at: "DateTime64(3, 'UTC')",
}

/**
 * Who calls whom, by the tenant's contacts as they are now: looked up when it is
 * asked, so that a new name needs no rebuild. A constant and not a join: with a
 * join rows would no longer be read in their order.
 */
const CONTACT_NAMES = `WITH (
  SELECT (groupArray(number), groupArray(latest_name)) FROM (
    SELECT number, argMax(name, (ifNull(valid_from, toDateTime64(0, 3, 'UTC')), version)) AS latest_name
    FROM contacts FINAL WHERE tenant_id = {tenant_id:String} GROUP BY number HAVING latest_name != '')
) AS contact_names`
const nameOf = (number: string): string => `transform(t.${number}, contact_names.1, contact_names.2, '')`
/** Beside their own columns. */
const namesOf: Readonly<Record<string, Record<string, string>>> = { calls: { from_name: nameOf('from_number'), to_name: nameOf('to_number') } }

const tables: Readonly<Record<string, Table>> = {
  ...Object.fromEntries(Object.values(entities).map((entity) => [entity.name, entityTable(entity)])),
  ...Object.fromEntries(Object.entries(factColumns).map(([name, columns]) => [name, factTable(name, columns)])),
}

/** Names of the tables that hold records. */
export const recordTables = Object.keys(entities)
/** Names of everything that can be exported: records and facts. */
export const exportTables = Object.keys(tables)

/** The table of that name; throws `entity_unknown` with the nearest names. */
export function findTable(name: string, known: readonly string[]): Table {
  const table = known.includes(name) ? tables[name] : undefined
  if (table) return table
  throw new CallhouseError('entity_unknown', `There is no entity "${name.slice(0, 64)}". ${didYouMean(name, known)}`, {
    details: { nearest: nearestNames(name, known) },
  })
}

function entityTable(entity: Entity): Table {
  const types = { ...ENVELOPE, ...Object.fromEntries(Object.entries(entity.fields).map(([name, field]) => [name, field.column])) }
  // Directory entries have no time of their own: `from` and `to` then mean when we last saw them change.
  const time = entity.span[0] ?? 'observed_at'
  return {
    name: entity.name,
    kind: 'entity',
    columns: { ...Object.fromEntries(Object.entries(types).map(([name, type]) => [name, plain(name, type)])), ...namesOf[entity.name] },
    ...(namesOf[entity.name] && { with: CONTACT_NAMES }),
    time,
    is_day: entity.fields[time]?.column === 'Date',
    has_reach: entity.span.length > 0,
  }
}

function factTable(name: string, columns: Readonly<Record<string, string>>): Table {
  const expressions = Object.fromEntries(Object.entries(columns).map(([column, type]) => [column, plain(column, type)]))
  return { name, kind: 'fact', columns: expressions, time: 'bucket_start', is_day: false, has_reach: false }
}

/** Readers of Arrow and Parquet want times with a zone; a DateTime would become a bare uint32. */
function plain(column: string, type: string): string {
  if (type.startsWith('DateTime(')) return `toDateTime64(t.${column}, 3, 'UTC')`
  return `t.${column}`
}
