/**
 * Reads stored records again with today's parser, from their payloads: says
 * which would change, and publishes those when told to. docs/architecture.md,
 * "Replaying", says which version a changed record gets and why.
 */
import type { Warehouse } from '../sql/warehouse.ts'
import { anchorDayOf, encodeRecord, sourceVersion } from './encode-record.ts'
import type { Loader } from './loader.ts'
import type { LoadTarget } from './record-store.ts'
import type { Envelope } from './records/entity.ts'
import { FieldError } from './records/field.ts'
import { entities, type CanonicalRecord, type EntityName } from './records/index.ts'
import { ReplayShadow } from './replay-shadow.ts'
import type { Source } from './source.ts'
import { RowBuffer } from './row-buffer.ts'

export interface RecordReplay {
  entity: EntityName
  /** Rows read; unchanged + changed + failing + unreadable = records. */
  records: number
  unchanged: number
  /** What today's parser reads differently: published, or with a dry run only counted. */
  changed: number
  /** What today's parser refuses, or gives another identity; it is left as it is. */
  failing: number
  /** What cannot be read by itself; it is left as it is. */
  unreadable: number
  /** Changes by the columns they are in, and refusals by reason; never a value. */
  examples: Map<string, number>
}

export interface RecordFilter {
  /** Anchor days, both included. */
  from?: string
  to?: string
}

interface Row {
  native_id: string
  version: string
  payload: string
}

/** What today's parser makes of a page: rows for the shadow, and the records they are of by native id. */
interface Reread {
  rows: RowBuffer
  items: Map<string, CanonicalRecord>
}

const PAGE = 2_000

/** Replays one entity of a source, a page at a time; without `apply` it changes nothing. */
export async function replayRecords(
  warehouse: Warehouse,
  loader: Loader,
  source: Source,
  entity: EntityName,
  target: LoadTarget,
  options: RecordFilter & { apply: boolean; signal?: AbortSignal },
): Promise<RecordReplay> {
  const result: RecordReplay = { entity, records: 0, unchanged: 0, changed: 0, failing: 0, unreadable: 0, examples: new Map() }
  const days = await anchorDays(warehouse, entity, target, options)
  if (days.length === 0 || !source.reparse) return result
  const shadow = await ReplayShadow.open(warehouse, entity)
  try {
    for (const anchor_day of days)
      for (let after = ''; ;) {
        options.signal?.throwIfAborted()
        const rows = await readPage(warehouse, entity, target, anchor_day, after)
        if (rows.length === 0) break
        after = rows.at(-1)!.native_id
        const reread = rereadAll(source, entity, target, anchor_day, rows, result)
        const changed = reread.items.size === 0 ? [] : await shadow.changes(reread.rows, target, anchor_day)
        result.records += rows.length
        result.changed += changed.length
        result.unchanged += reread.items.size - changed.length
        for (const { fields } of changed) note(result, `changed: ${fields.join(', ')}`)
        if (!options.apply || changed.length === 0) continue
        const records = changed.map(({ native_id }) => reread.items.get(native_id)!)
        await loader.load({ stream: 'replay', inputs: records.length, records, rejects: [], checkpoint: null }, target)
      }
  } finally {
    await shadow.close()
  }
  return result
}

async function anchorDays(warehouse: Warehouse, entity: EntityName, target: LoadTarget, { from, to }: RecordFilter): Promise<string[]> {
  const result = await warehouse.query({
    query: `SELECT DISTINCT anchor_day FROM ${entity}
      WHERE tenant_id = {tenant_id:String} AND source_id = {source_id:String} AND anchor_day BETWEEN {from:Date} AND {to:Date} ORDER BY anchor_day`,
    query_params: { ...target, from: from ?? '1970-01-01', to: to ?? '2149-06-06' },
    format: 'JSONEachRow',
  })
  return (await result.json<{ anchor_day: string }>()).map(({ anchor_day }) => anchor_day)
}

async function readPage(warehouse: Warehouse, entity: EntityName, target: LoadTarget, anchor_day: string, after: string): Promise<Row[]> {
  const result = await warehouse.query({
    query: `SELECT native_id, toString(version) AS version, payload FROM ${entity} FINAL
      WHERE tenant_id = {tenant_id:String} AND anchor_day = {anchor_day:Date} AND source_id = {source_id:String} AND native_id > {after:String}
      ORDER BY native_id LIMIT {page:UInt32}`,
    query_params: { ...target, anchor_day, after, page: PAGE },
    format: 'JSONEachRow',
  })
  return await result.json<Row>()
}

/** What today's parser makes of each row that it can read, by native id; counts what it cannot. */
function rereadAll(source: Source, entity: EntityName, target: LoadTarget, anchor_day: string, rows: Row[], result: RecordReplay): Reread {
  const origin = { ...target, observed_at: '1970-01-01 00:00:00.000' }
  const reread: Reread = { rows: new RowBuffer(), items: new Map() }
  const fail = (reason: string): void => {
    result.failing += 1
    note(result, `failing: ${reason}`)
  }
  for (const { native_id, version, payload } of rows) {
    const stored = BigInt(version)
    const { records, rejects } = source.reparse!({ entity, native_id, payload, anchor_day, version: sourceVersion(stored) })
    const [item] = records
    if (rejects[0]) fail(rejects[0].reason)
    else if (!item) result.unreadable += 1
    else if (records.length > 1 || item.entity !== entity || item.record.native_id !== native_id) fail('it would be another record')
    else {
      try {
        item.at_least = stored + 1n
        const record = item.record as unknown as Envelope & Record<string, unknown>
        if (anchorDayOf(record) !== anchor_day) fail('it would be stored under another day')
        else {
          encodeRecord(entities[entity], record, origin, reread.rows, item.at_least)
          reread.items.set(native_id, item)
        }
      } catch (thrown) {
        if (!(thrown instanceof FieldError)) throw thrown
        fail(thrown.message)
      }
    }
  }
  return reread
}

function note(result: RecordReplay, what: string): void {
  result.examples.set(what, (result.examples.get(what) ?? 0) + 1)
}
