/**
 * `callhouse demo`: a whole phone company in a child process, its last 90 days
 * pulled over HTTP, its live calls still arriving, and three things to try.
 */
import { join } from 'node:path'
import { openSource, openStores, pullForever, pullOnce, refreshForever, refreshOnce, type OpenSource, type Stores } from './app.ts'
import type { Config } from './config.ts'
import { demoSource, DEMO_TENANT, DEMO_ZONE, loadDemoState, saveDemoState, startPretendCompany, type DemoState } from './demo-company.ts'
import { demoSummary } from './demo-summary.ts'
import { openLog } from './log.ts'
import { startProgress } from './progress.ts'
import { listenApi } from './serve-api.ts'
import { createKey, findKey } from './sql/api-keys.ts'
import { ensureTenant } from './sql/tenants.ts'
import { serveWarehouse } from './sql/warehouse-server.ts'

/** Runs until the signal aborts; started again, it resumes where it was. */
export async function demo(config: Config, options: { seed?: number; days?: number }, signal: AbortSignal): Promise<void> {
  const log = openLog(config.log_level === 'info' ? 'warn' : config.log_level)
  const state = loadDemoState(config.data, options)
  process.stdout.write('Starting a pretend phone company and the warehouse…\n')
  const [company, stores] = await Promise.all([startPretendCompany(state), openStores(config)])
  try {
    state.port = Number(new URL(company.url).port)
    await ensureTenant(stores.control, DEMO_TENANT, { name: 'Pretend Telco', time_zone: DEMO_ZONE })
    state.api_key = await demoKey(stores, state)
    saveDemoState(config.data, state)
    const open = await openSource(stores, demoSource(company, state))
    const refreshing = refreshForever(stores, config, log, signal)
    const api = await listenApi(stores, config, log, [open.settings])
    const sql = config.warehouse.url === undefined ? await serveSql(config, state) : undefined
    await firstPass(stores, config, open, signal, { api_url: api.url, sql_url: sql?.url, state })
    await pullForever(stores, open, log, signal)
    await refreshing
    await Promise.all([api.close(), sql?.close()])
  } finally {
    company.stop()
    await stores.close()
    process.stdout.write('Stopped. Start again to go on from here.\n')
  }
}

async function firstPass(
  stores: Stores,
  config: Config,
  open: OpenSource,
  signal: AbortSignal,
  shown: { api_url: string; sql_url: string | undefined; state: DemoState },
): Promise<void> {
  const started_ms = performance.now()
  const progress = startProgress('Loading')
  const totals = await pullOnce(stores, open, openLog('error'), signal, (batch) => {
    if (batch.progress) progress.update(batch.progress.done, batch.progress.total, batch.stream)
  })
  if (signal.aborted) return progress.end('Stopping…')
  await refreshOnce(stores)
  progress.end('')
  process.stdout.write(await demoSummary(stores, { ...shown, totals, took_ms: performance.now() - started_ms, data: config.data }))
}

/** The demo's key, still good, or a new one. */
async function demoKey(stores: Stores, state: DemoState): Promise<string> {
  if (state.api_key !== undefined && (await findKey(stores.control, state.api_key))) return state.api_key
  return (await createKey(stores.control, { tenant_id: DEMO_TENANT, name: 'demo', scopes: ['read'] })).key
}

/** The engine's own SQL, on loopback and behind a secret, so that the demo has a query to try. */
function serveSql(config: Config, state: DemoState): Promise<{ url: string; close(): Promise<void> }> {
  const { host, port } = config.warehouse_server
  return serveWarehouse({ path: join(config.data, 'warehouse'), database: config.warehouse.database, host, port, secret: state.sql_secret })
}
