/**
 * Recomputes facts from the core tables, without the marks and the day map that
 * a refresh relies on, and says which published days differ.
 */
import type { Warehouse } from '../sql/warehouse.ts'
import { atomColumns } from './atom-columns.ts'
import type { TenantDay } from './fact-store.ts'
import type { Model } from './load-models.ts'
import { modelParams } from './model-params.ts'

export interface Difference {
  tenant_id: string
  fact: string
  day: string
  /** Rows and a hash of them, published and recomputed; null where a side has none. */
  published: DayDigest | null
  recomputed: DayDigest | null
}

export interface DayDigest {
  rows: number
  hash: string
}

/** A record stored under two anchor days: its source broke the rule that anchor_at never changes. */
export interface SplitIdentity {
  tenant_id: string
  entity: string
  records: number
}

/** What is compared, and at what cost. */
export interface VerifyRange {
  /** Days, both included. */
  from?: string
  to?: string
  /** Bounds the cost: of records anchored before, only those that the day map says reach the days are read. */
  anchors_from?: string
  /** These fact days and no others. */
  only?: readonly { fact: string; day: string }[]
  /** Gives the work up, between two models or in the midst of one. */
  signal?: AbortSignal
}

const DAY_MS = 86_400_000

/**
 * The fact days of a tenant that are not what a computation from scratch gives.
 * `from`/`to` (days, both included) bound what is compared; without
 * `anchors_from` all history is read once per model. With it, of records anchored
 * before that day only those are read that the day map says reach the days: the
 * cost is bounded, and older records are no longer checked without the map.
 */
export async function verifyTenant(warehouse: Warehouse, models: Model[], tenant_id: string, range: VerifyRange = {}): Promise<Difference[]> {
  const differences: Difference[] = []
  for (const model of models) {
    range.signal?.throwIfAborted()
    const only = range.only && new Set(range.only.filter(({ fact }) => fact === model.fact).map(({ day }) => day))
    if (only?.size === 0) continue
    const anchors = new Map<string, string[]>()
    for (const entity of model.from) anchors.set(entity, await anchorDays(warehouse, entity, tenant_id))
    const known = [...(await knownDays(warehouse, model, tenant_id)), ...[...anchors.values()].flat()]
    const days = daysToCheck(known, range).filter((day) => only?.has(day) ?? true)
    if (days.length === 0) continue
    if (range.anchors_from !== undefined) await keepRecent(warehouse, tenant_id, days, anchors, range.anchors_from)
    const recomputed = await recompute(warehouse, model, tenant_id, days, anchors, range.signal)
    const published = await publishedDigests(warehouse, model, tenant_id, days)
    for (const day of days) {
      const [was, is] = [published.get(day) ?? null, recomputed.get(day) ?? null]
      if (was?.hash !== is?.hash || was?.rows !== is?.rows) differences.push({ tenant_id, fact: model.fact, day, published: was, recomputed: is })
    }
  }
  return differences
}

/** Of the anchor days, leaves those from `anchors_from` on, and those that the day map says reach one of `days`. */
async function keepRecent(
  warehouse: Warehouse,
  tenant_id: string,
  days: string[],
  anchors: Map<string, string[]>,
  anchors_from: string,
): Promise<void> {
  for (const [entity, all] of anchors) {
    const result = await warehouse.query({
      query: `SELECT DISTINCT anchor_day FROM day_reach
        WHERE tenant_id = {tenant_id:String} AND entity = {entity:String} AND anchor_day < {anchors_from:Date} AND day IN {days:Array(Date)}`,
      query_params: { tenant_id, entity, anchors_from, days },
      format: 'JSONEachRow',
    })
    const reaching = new Set((await result.json<{ anchor_day: string }>()).map(({ anchor_day }) => anchor_day))
    anchors.set(
      entity,
      all.filter((day) => day >= anchors_from || day === NO_ANCHOR || reaching.has(day)),
    )
  }
}

/** Days with published facts, and days that records have reached. */
async function knownDays(warehouse: Warehouse, model: Model, tenant_id: string): Promise<string[]> {
  const result = await warehouse.query({
    query: `SELECT DISTINCT day FROM (
        SELECT day FROM day_reach WHERE tenant_id = {tenant_id:String} AND entity IN {entities:Array(String)}
        UNION ALL SELECT day FROM published_days WHERE tenant_id = {tenant_id:String} AND fact = {fact:String})`,
    query_params: { tenant_id, entities: model.from, fact: model.fact },
    format: 'JSONEachRow',
  })
  return (await result.json<{ day: string }>()).map(({ day }) => day)
}

/** Where records without an anchor are stored; says nothing about when they count. */
const NO_ANCHOR = '1970-01-01'

/** Every day from a day before the first known to a day after the last, within the range asked for. */
function daysToCheck(known: string[], range: { from?: string; to?: string }): string[] {
  const sorted = known.filter((day) => day !== NO_ANCHOR).sort()
  if (sorted.length === 0) return []
  const days: string[] = []
  for (let ms = Date.parse(sorted[0]!) - DAY_MS; ms <= Date.parse(sorted.at(-1)!) + DAY_MS; ms += DAY_MS)
    days.push(new Date(ms).toISOString().slice(0, 10))
  return days.filter((day) => (range.from === undefined || day >= range.from) && (range.to === undefined || day <= range.to))
}

async function recompute(
  warehouse: Warehouse,
  model: Model,
  tenant_id: string,
  days: string[],
  anchors: Map<string, string[]>,
  signal: AbortSignal | undefined,
): Promise<Map<string, DayDigest>> {
  const columns = await atomColumns(warehouse, model)
  return digests(
    warehouse,
    `SELECT toDate(bucket_start) AS day, ${digest(columns)} FROM (${model.select}) GROUP BY day`,
    modelParams(model, ofTenant(tenant_id, days), new Map([...anchors].map(([entity, anchor_days]) => [entity, ofTenant(tenant_id, anchor_days)]))),
    signal,
  )
}

function ofTenant(tenant_id: string, days: readonly string[]): TenantDay[] {
  return days.map((day) => ({ tenant_id, day }))
}

async function publishedDigests(warehouse: Warehouse, model: Model, tenant_id: string, days: string[]): Promise<Map<string, DayDigest>> {
  const columns = await atomColumns(warehouse, model)
  return digests(
    warehouse,
    `SELECT day, ${digest(columns)} FROM ${model.fact} WHERE tenant_id = {tenant_id:String} AND day IN {days:Array(Date)} GROUP BY day`,
    { tenant_id, days },
  )
}

/** Order-free: the same rows give the same hash however they are stored. */
function digest(columns: string[]): string {
  return `toUInt32(count()) AS rows, toString(sum(toUInt128(cityHash64(${columns.join(', ')})))) AS hash`
}

async function digests(
  warehouse: Warehouse,
  query: string,
  query_params: Record<string, unknown>,
  signal?: AbortSignal,
): Promise<Map<string, DayDigest>> {
  const rows = await (
    await warehouse.query({ query, query_params, format: 'JSONEachRow', ...(signal && { abort_signal: signal }) })
  ).json<DayDigest & { day: string }>()
  return new Map(rows.map(({ day, rows, hash }) => [day, { rows, hash }]))
}

async function anchorDays(warehouse: Warehouse, entity: string, tenant_id: string): Promise<string[]> {
  const result = await warehouse.query({
    query: 'SELECT DISTINCT anchor_day FROM {table:Identifier} WHERE tenant_id = {tenant_id:String}',
    query_params: { table: entity, tenant_id },
    format: 'JSONEachRow',
  })
  return (await result.json<{ anchor_day: string }>()).map(({ anchor_day }) => anchor_day)
}

/** Records whose versions carry different anchors, per entity; there must be none. */
export async function splitIdentities(warehouse: Warehouse, entities: string[], tenant_id: string): Promise<SplitIdentity[]> {
  const found: SplitIdentity[] = []
  for (const entity of entities) {
    const result = await warehouse.query({
      query: `SELECT count() AS records FROM (SELECT 1 FROM {table:Identifier} WHERE tenant_id = {tenant_id:String}
        GROUP BY source_id, native_id HAVING uniqExact(anchor_day) > 1)`,
      query_params: { table: entity, tenant_id },
      format: 'JSONEachRow',
    })
    const records = Number((await result.json<{ records: string | number }>())[0]?.records ?? 0)
    if (records > 0) found.push({ tenant_id, entity, records })
  }
  return found
}
