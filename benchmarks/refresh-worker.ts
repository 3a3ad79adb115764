/**
 * A warehouse of its own in a process of its own, so that histories of two
 * lengths can be refreshed in turns and each process's CPU time is one refresh.
 * It is told what to do over IPC and answers each message with one.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStores, refreshOnce, type Stores } from '../app.ts'
import { normalizeConfig } from '../config.ts'
import type { EntityName } from '../ingest/records/index.ts'
import { changedRecord, perDay } from './changed-record.ts'

/** Days before LAST_DAY, of the tenant with that number. */
export interface TenantDay {
  tenant: number
  days_back: number
}

export type RefreshOrder =
  | { do: 'fill'; tenants: number; days: number }
  /** Changes one record of every kind on each of these, through the loader; `round` makes it another change each time. */
  | { do: 'touch'; tenant_days: TenantDay[]; round: number }
  /** Marks every day of every tenant, as if all had changed. */
  | { do: 'touch_all'; round: number }
  | { do: 'refresh' }
  | { do: 'stop' }

export interface RefreshAnswer {
  rows: number
  days: number
  ms: number
  cpu_ms: number
}

const LAST_DAY = '2026-10-31'
const names = Object.keys(perDay) as EntityName[]
const sql = (name: string): string => readFileSync(join(import.meta.dirname, 'history', `${name}.sql`), 'utf8')

const data = mkdtempSync(join(tmpdir(), 'callhouse-bench-refresh-'))
const stores = await openStores(normalizeConfig({ data }))

process.on('message', (order: RefreshOrder) => {
  void obey(order).then((answer) => process.send!(answer, () => order.do === 'stop' && process.disconnect()))
})
process.once('disconnect', () => rmSync(data, { recursive: true, force: true }))

async function obey(order: RefreshOrder): Promise<RefreshAnswer> {
  const started_ms = performance.now()
  const before = process.cpuUsage()
  let [rows, days] = [0, 0]
  if (order.do === 'fill') rows = await fill(stores, order)
  else if (order.do === 'touch') await touch(stores, order)
  else if (order.do === 'touch_all') await stores.warehouse.command({ query: sql('touched_days'), query_params: { mark_id: `all-${order.round}` } })
  else if (order.do === 'refresh') days = (await refreshOnce(stores))!.days
  else await stores.close()
  const { user, system } = process.cpuUsage(before)
  return { rows, days, ms: performance.now() - started_ms, cpu_ms: (user + system) / 1000 }
}

async function fill({ warehouse }: Stores, { tenants, days }: { tenants: number; days: number }): Promise<number> {
  let rows = 0
  for (const entity of names) {
    const query_params = { tenants, days, last_day: LAST_DAY, per_day: perDay[entity], entity }
    await warehouse.command({ query: sql(entity), query_params })
    await warehouse.command({ query: sql('day_reach'), query_params })
    rows += tenants * days * perDay[entity]!
  }
  // What was written in one go is merged in the background for a while; the figures are of a store at rest.
  for (const entity of names) await warehouse.command({ query: `OPTIMIZE TABLE ${entity}` })
  return rows
}

async function touch({ loader }: Stores, { tenant_days, round }: { tenant_days: TenantDay[]; round: number }): Promise<void> {
  for (const { tenant, days_back } of tenant_days) {
    const records = names.map((entity) => changedRecord(entity, { day: dayBefore(days_back), days_back, round }))
    await loader.load(
      { stream: 'bench', inputs: records.length, records, rejects: [], checkpoint: null },
      { tenant_id: `tenant-${tenant}`, source_id: 'bench' },
    )
  }
}

function dayBefore(days_back: number): string {
  return new Date(Date.parse(LAST_DAY) - days_back * 86_400_000).toISOString().slice(0, 10)
}
