/** `callhouse reconcile`, and every night: is what the sources count what the warehouse holds? */
import { openSource, sourceRun, type OpenSource, type Stores } from './app.ts'
import { CallhouseError } from './errors.ts'
import { checkDay } from './check-day.ts'
import { contextOf } from './ingest/run-source.ts'
import { entities, type EntityName } from './ingest/records/index.ts'
import type { Log, PullContext } from './ingest/source.ts'
import type { StoresVerb } from './verb.ts'

/** One entity of one source on one UTC day, by when its records were created. */
export interface Reconciliation {
  tenant_id: string
  source_id: string
  entity: EntityName
  day: string
  source_count: number
  warehouse_count: number
  /** What is summed; empty where the source sums nothing. */
  field: string
  source_sum: number
  warehouse_sum: number
}

/** Looked at every night: yesterday, and what may have changed late. */
export const RECONCILED_DAYS_AGO = [1, 7, 30] as const
const DAY_MS = 86_400_000

/** The days to compare, as seen at `now_ms`. */
export function daysToReconcile(now_ms: number): string[] {
  return RECONCILED_DAYS_AGO.map((ago) => new Date(now_ms - ago * DAY_MS).toISOString().slice(0, 10))
}

/** Compares a source with the warehouse and keeps the outcome; only what the source has covered for a whole day is compared. */
export async function reconcileSource(stores: Stores, open: OpenSource, context: PullContext, days: readonly string[]): Promise<Reconciliation[]> {
  const { source } = open
  const target = { tenant_id: context.tenant_id, source_id: context.source_id }
  const found: Reconciliation[] = []
  if (!source.totals) return found
  const covered = await readCovered(stores, target)
  for (const entity of source.entities)
    for (const day of days) {
      const from_ms = Date.parse(day)
      const range = { entity, from_ms, to_ms: from_ms + DAY_MS }
      const reach = covered.get(entity)
      if (!reach || reach.from_ms > range.from_ms || reach.to_ms < range.to_ms) continue
      const totals = await source.totals(context, range)
      if (!totals) continue
      const field = Object.hasOwn(entities[entity].fields, totals.field) ? totals.field : ''
      const { count, sum } = await readWarehouse(stores, target, entity, day, field)
      found.push({
        ...target,
        entity,
        day,
        source_count: totals.count,
        warehouse_count: count,
        field,
        source_sum: field === '' ? 0 : totals.sum,
        warehouse_sum: sum,
      })
    }
  const checked_at = new Date(context.now()).toISOString().slice(0, 23).replace('T', ' ')
  if (found.length > 0)
    await stores.warehouse.insert({ table: 'reconciliations', format: 'JSONEachRow', values: found.map((row) => ({ ...row, checked_at })) })
  return found
}

/** Rows by which the two differ; where they agree on the count and not on the sum at least one row is another. */
export function mismatchedRows({ source_count, warehouse_count, source_sum, warehouse_sum }: Reconciliation): number {
  const sums_differ = Math.round(source_sum * 1e6) !== Math.round(warehouse_sum * 1e6)
  return Math.max(Math.abs(source_count - warehouse_count), sums_differ ? 1 : 0)
}

async function readCovered(
  stores: Stores,
  target: { tenant_id: string; source_id: string },
): Promise<Map<string, { from_ms: number; to_ms: number }>> {
  const result = await stores.warehouse.query({
    query: `SELECT entity, min(toUnixTimestamp64Milli(covered_from)) AS from_ms, max(toUnixTimestamp64Milli(covered_to)) AS to_ms FROM coverage FINAL
      WHERE tenant_id = {tenant_id:String} AND source_id = {source_id:String} AND covered_to > covered_from GROUP BY entity`,
    query_params: target,
    format: 'JSONEachRow',
  })
  const rows = await result.json<{ entity: string; from_ms: string | number; to_ms: string | number }>()
  return new Map(rows.map(({ entity, from_ms, to_ms }) => [entity, { from_ms: Number(from_ms), to_ms: Number(to_ms) }]))
}

async function readWarehouse(
  stores: Stores,
  target: { tenant_id: string; source_id: string },
  entity: EntityName,
  day: string,
  field: string,
): Promise<{ count: number; sum: number }> {
  const result = await stores.warehouse.query({
    query: `SELECT count() AS count, ${field === '' ? '0' : `toFloat64(sum(${field}))`} AS sum FROM ${entity} FINAL
      WHERE tenant_id = {tenant_id:String} AND anchor_day = {day:Date} AND source_id = {source_id:String}`,
    query_params: { ...target, day },
    format: 'JSONEachRow',
  })
  const [row] = await result.json<{ count: string | number; sum: string | number }>()
  return { count: Number(row?.count ?? 0), sum: Number(row?.sum ?? 0) }
}

/** What changed between the source's count and ours is in after the next pull or two. */
const LOOKS = 3
const BETWEEN_LOOKS_MS = 120_000

/** One source's nightly comparison, counted in the metrics and said in the log where it still differs when looked at again. */
export async function reconcileNightly(
  stores: Stores,
  open: OpenSource,
  log: Log,
  signal: AbortSignal,
  clock?: Pick<PullContext, 'now' | 'sleep'>,
): Promise<Reconciliation[]> {
  const context = { ...contextOf(sourceRun(stores, open, log, signal)), ...clock }
  const days = daysToReconcile(context.now())
  let found = await reconcileSource(stores, open, context, days)
  for (let look = 1; look < LOOKS && !signal.aborted && found.some((row) => mismatchedRows(row) > 0); look++) {
    await context.sleep(BETWEEN_LOOKS_MS, signal)
    found = await reconcileSource(stores, open, context, days)
  }
  for (const entity of open.source.entities) {
    const rows = found.filter((each) => each.entity === entity)
    if (rows.length === 0) continue
    const mismatched = rows.reduce((sum, row) => sum + mismatchedRows(row), 0)
    stores.metrics.reconcile_mismatch_rows.set({ tenant: open.settings.tenant, source: open.settings.id, entity }, mismatched)
    if (mismatched > 0)
      log.error(
        { tenant_id: open.settings.tenant, source_id: open.settings.id, entity, rows: mismatched },
        'the source counts other records than the warehouse holds; `callhouse reconcile` shows the days',
      )
  }
  return found
}

/** Prints what was compared; the exit code is 0 when nothing differs, 1 when something does. */
export const reconcile: StoresVerb<{ tenant?: string; source?: string; day?: string[] }> = {
  opens: 'stores',
  check: ({ day = [] }) => day.forEach(checkDay),
  async run({ stores, sources, log, signal, output }, { tenant, source, day }) {
    const settings = sources.filter((each) => (tenant === undefined || each.tenant === tenant) && (source === undefined || each.id === source))
    if (settings.length === 0)
      throw new CallhouseError('not_found', 'No such source is in the configuration; `callhouse sources` lists what there is.')
    let faults = 0
    for (const each of settings) {
      signal.throwIfAborted()
      const open = await openSource(stores, each)
      const context = contextOf(sourceRun(stores, open, log, signal))
      const found = await reconcileSource(stores, open, context, day ?? daysToReconcile(Date.now()))
      if (!open.source.totals) output.out(`${each.tenant}/${each.id}  a source of kind ${each.kind} gives no totals to compare with\n`)
      else if (found.length === 0) output.out(`${each.tenant}/${each.id}  has not covered these days yet\n`)
      const different = found.filter((row) => mismatchedRows(row) > 0)
      faults += different.length
      for (const row of different) output.out(`${lineOf(row)}\n`)
      if (found.length > 0) output.out(`${each.tenant}/${each.id}  ${found.length} totals compared, ${different.length} differ\n`)
    }
    return faults === 0 ? 0 : 1
  },
}

function lineOf({ tenant_id, source_id, entity, day, source_count, warehouse_count, field, source_sum, warehouse_sum }: Reconciliation): string {
  const sums = field === '' ? '' : `, ${field} ${source_sum} against ${warehouse_sum}`
  return `${tenant_id}/${source_id}  ${entity}  ${day}  the source counts ${source_count}, the warehouse ${warehouse_count}${sums}`
}
