/**
 * `callhouse demo`: a whole phone company in a child process, its last 90 days
 * pulled over HTTP, its live calls still arriving, and three things to try.
 */
import { join } from 'node:path'
import { openSource, openStores, pullForever, pullOnce, refreshForever, refreshToNow, type OpenSource, type Stores } from './app.ts'
import type { Config } from './config.ts'
import {
  demoSource,
  DEMO_TENANT,
  DEMO_ZONE,
  loadDemoState,
  saveDemoState,
  startPretendCompany,
  type DemoState,
  type PretendCompany,
} from './demo-company.ts'
import { demoSummary, type Shown } from './demo-summary.ts'
import { openLog } from './log.ts'
import { startProgress } from './progress.ts'
import { serveVerbs } from './run-verb.ts'
import { listenApi } from './serve-api.ts'
import { createKey, findKey } from './sql/api-keys.ts'
import { ensureTenant } from './sql/tenants.ts'
import { serveWarehouse } from './sql/warehouse-server.ts'

/** Runs until the signal aborts; started again, it resumes where it was. */
export async function demo(config: Config, options: { seed?: number; days?: number }, signal: AbortSignal): Promise<void> {
  const log = openLog(config.log_level === 'info' ? 'warn' : config.log_level)
  const state = loadDemoState(config.data, options)
  process.stdout.write('Starting a pretend phone company and the warehouse…\n')
  const is_resumed = state.api_key !== undefined
  const starting = startPretendCompany(state)
  const stores = await openStores(config).catch(async (thrown: unknown) => {
    ;(await starting).stop()
    throw thrown
  })
  let company: PretendCompany | undefined
  try {
    company = await starting
    state.port = Number(new URL(company.url).port)
    await ensureTenant(stores.control, DEMO_TENANT, { name: 'Pretend Telco', time_zone: DEMO_ZONE })
    state.api_key = await demoKey(stores, state)
    saveDemoState(config.data, state)
    const open = await openSource(stores, demoSource(company, state))
    await serveVerbs(stores, config, [open.settings], log, signal, async () => {
      const refreshing = refreshForever(stores, config, log, signal)
      const api = await listenApi(stores, config, log, [open.settings])
      const sql = config.warehouse.url === undefined ? await serveSql(config, state) : undefined
      await firstPass(stores, config, open, signal, { api_url: api.url, sql_url: sql?.url, state, is_resumed })
      await pullForever(stores, open, log, signal)
      await refreshing
      await Promise.all([api.close(), sql?.close()])
    })
  } finally {
    company?.stop()
    await stores.close()
    process.stdout.write('Stopped. Start again to go on from here.\n')
  }
}

async function firstPass(
  stores: Stores,
  config: Config,
  open: OpenSource,
  signal: AbortSignal,
  shown: Pick<Shown, 'api_url' | 'sql_url' | 'state' | 'is_resumed'>,
): Promise<void> {
  const started_ms = performance.now()
  const progress = startProgress('Loading')
  const totals = await pullOnce(stores, open, openLog('error'), signal, (batch) => {
    if (batch.progress) progress.update(batch.progress.done, batch.progress.total, batch.stream)
  })
  if (signal.aborted) return progress.clear()
  await refreshToNow(stores)
  progress.clear()
  process.stdout.write(await demoSummary(stores, { ...shown, totals, took_ms: performance.now() - started_ms, data: config.data }))
}

/** The demo's key, still good, or a new one. */
async function demoKey(stores: Stores, state: DemoState): Promise<string> {
  if (state.api_key !== undefined && (await findKey(stores.control, state.api_key))) return state.api_key
  return (await createKey(stores.control, { tenant_id: DEMO_TENANT, name: 'demo', scopes: ['read'] })).key
}

/** The engine's own SQL, on loopback and behind a secret, so that the demo has a query to try; on any free port where the usual one is taken. */
async function serveSql(config: Config, state: DemoState): Promise<{ url: string; close(): Promise<void> }> {
  const { host, port } = config.warehouse_server
  const options = { path: join(config.data, 'warehouse'), database: config.warehouse.database, host, secret: state.sql_secret }
  return serveWarehouse({ ...options, port }).catch(() => serveWarehouse({ ...options, port: 0 }))
}
