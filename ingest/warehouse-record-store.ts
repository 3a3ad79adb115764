/** The loader's store in ClickHouse: how rows and marks are inserted. */
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Warehouse } from '../sql/warehouse.ts'
import { columnsOf } from './encode-record.ts'
import type { LoadTarget, RecordStore, RowBlock } from './record-store.ts'
import { entities, type EntityName } from './records/index.ts'

export function warehouseRecordStore(warehouse: Warehouse): RecordStore {
  const insert = async (table: string, values: readonly object[]): Promise<void> => {
    if (values.length > 0) await warehouse.insert({ table, format: 'JSONEachRow', values })
  }
  return {
    coveredEntities: (target) => coveredEntities(warehouse, target),
    addDeadLetters: (rows) => insert('dead_letters', rows),
    addReach: (rows) => insert('day_reach', rows),
    addRows: (entity, block) => insertRows(warehouse, entity, entity, block),
    holdsRows: (entity, block, of) => holdsRows(warehouse, entity, block, of),
    addMarks: (rows) => insert('touched_days', rows),
    addCoverage: (rows) => insert('coverage', rows),
  }
}

/** Inserts rows of an entity into its table, or one that is like it. */
export async function insertRows(warehouse: Warehouse, entity: EntityName, table: string, { tsv }: RowBlock): Promise<void> {
  // The client's insert() would serialise again what is already text; exec() passes bytes on.
  const { stream } = await warehouse.exec({
    query: `INSERT INTO ${table} (${columnsOf(entities[entity]).join(', ')}) FORMAT TSV`,
    values: Readable.from([tsv], { objectMode: false }),
    // A token of its own for each: core tables remember their last blocks, and one that they take for a copy is acknowledged
    // and dropped, whether the first one's part is there or not (see holdsRows).
    clickhouse_settings: { insert_deduplication_token: randomUUID() },
  })
  stream.destroy()
}

/**
 * An insert lands whole in each month's partition, so a month that holds as many
 * of its records, with the same sum of versions (a hash of the content is part
 * of each), holds them all. Insert tokens would say the same for less, but may say
 * it of rows that are not there: the engine writes a token down before it puts
 * the part in place, and a kill in between loses the rows of a repeated insert.
 */
async function holdsRows(warehouse: Warehouse, entity: EntityName, { tsv }: RowBlock, of: LoadTarget & { observed_at: string }): Promise<boolean> {
  const winners = winnersByMonth(entity, tsv)
  const days = [...winners.values()].flatMap((rows) => Array.from(rows.keys(), (key) => key.slice(0, 10)))
  const result = await warehouse.query({
    query: `SELECT formatDateTime(anchor_day, '%Y-%m') AS month, toUInt32(count()) AS rows, toString(sum(toUInt128(version))) AS versions FROM ${entity}
      WHERE tenant_id = {tenant_id:String} AND anchor_day IN {days:Array(Date)} AND source_id = {source_id:String}
        AND observed_at = {observed_at:DateTime64(3, 'UTC')}
      GROUP BY month`,
    query_params: { ...of, days: [...new Set(days)] },
    format: 'JSONEachRow',
  })
  const stored = await result.json<{ month: string; rows: number; versions: string }>()
  return (
    stored.length === winners.size &&
    stored.every(({ month, rows, versions }) => {
      const expected = [...(winners.get(month)?.values() ?? [])]
      return expected.length === rows && String(expected.reduce((sum, version) => sum + version, 0n)) === versions
    })
  )
}

/** The highest version of each record, as an insert keeps it, by month; keyed by anchor day and native id. */
function winnersByMonth(entity: EntityName, tsv: Buffer): Map<string, Map<string, bigint>> {
  const columns = columnsOf(entities[entity])
  const [day_at, id_at, version_at] = ['anchor_day', 'native_id', 'version'].map((name) => columns.indexOf(name)) as [number, number, number]
  const months = new Map<string, Map<string, bigint>>()
  for (const line of tsv.toString().split('\n').slice(0, -1)) {
    const values = line.split('\t')
    const [day, version] = [values[day_at]!, BigInt(values[version_at]!)]
    const rows = months.get(day.slice(0, 7)) ?? new Map<string, bigint>()
    months.set(day.slice(0, 7), rows)
    const key = `${day} ${values[id_at]}`
    if ((rows.get(key) ?? -1n) < version) rows.set(key, version)
  }
  return months
}

async function coveredEntities(warehouse: Warehouse, target: LoadTarget): Promise<ReadonlySet<string>> {
  const result = await warehouse.query({
    query: 'SELECT DISTINCT entity FROM coverage WHERE tenant_id = {tenant_id:String} AND source_id = {source_id:String}',
    query_params: { ...target },
    format: 'JSONEachRow',
  })
  return new Set((await result.json<{ entity: string }>()).map(({ entity }) => entity))
}
