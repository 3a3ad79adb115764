/** The verbs that keep running: up, ingest, transform, api and warehouse. */
import { join } from 'node:path'
import type { Logger } from 'pino'
import { noSources, openSource, openStores, pullForever, readiness, refreshForever, type OpenSource, type Stores } from './app.ts'
import type { Config } from './config.ts'
import { CallhouseError } from './errors.ts'
import { openLog } from './log.ts'
import { reconcileForever, verifyForever } from './nightly.ts'
import { serveVerbs } from './run-verb.ts'
import { listenApi } from './serve-api.ts'
import { serveMetrics } from './serve-metrics.ts'
import { serveWarehouse } from './sql/warehouse-server.ts'

export type Role = 'ingest' | 'transform' | 'api'

/** Aborts on the first SIGINT or SIGTERM; a second one ends the process at once. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(130)
      stop.abort()
    })
  return stop.signal
}

/** Runs the given roles until the signal aborts, then finishes what is under way. */
export async function serve(config: Config, roles: Role[], signal: AbortSignal): Promise<void> {
  if (roles.includes('ingest') && roles.length === 1 && config.sources.length === 0) throw noSources()
  const log = openLog(config.log_level)
  const stores = await openStores(config)
  try {
    await serveVerbs(stores, config, config.sources, log, signal, () => runRoles(stores, config, roles, log, signal))
  } finally {
    await stores.close()
  }
}

async function runRoles(stores: Stores, config: Config, roles: Role[], log: Logger, signal: AbortSignal): Promise<void> {
  const work: Promise<void>[] = []
  if (roles.includes('ingest')) {
    const sources: OpenSource[] = []
    for (const settings of config.sources) {
      const open = await openSource(stores, settings)
      sources.push(open)
      work.push(pullForever(stores, open, log, signal))
    }
    work.push(reconcileForever(stores, config, sources, log, signal))
  }
  if (roles.includes('transform')) work.push(refreshForever(stores, config, log, signal), verifyForever(stores, config, log, signal))
  if (roles.includes('api')) work.push(serveApi(stores, config, log, signal))
  else if (config.metrics.port !== undefined) work.push(serveFigures(stores, config, config.metrics.port, signal))
  await Promise.all(work)
}

/** Serves the API until the signal aborts. */
async function serveApi(stores: Stores, config: Config, log: Logger, signal: AbortSignal): Promise<void> {
  const api = await listenApi(stores, config, log)
  process.stdout.write(`Callhouse is up at ${api.url} (reference at ${api.url}/docs)\n`)
  await aborted(signal)
  await api.close()
}

/** Serves probes and metrics of a process without the API until the signal aborts. */
async function serveFigures(stores: Stores, config: Config, port: number, signal: AbortSignal): Promise<void> {
  const figures = await serveMetrics({
    host: config.metrics.host,
    port,
    admin_key: config.api.admin_key,
    registry: stores.metrics.registry,
    ready: () => readiness(stores, { serves_reads: false }),
  })
  process.stdout.write(`Metrics are at ${figures.url}/metrics\n`)
  await aborted(signal)
  await figures.close()
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Serves the embedded engine over HTTP until the signal aborts. */
export async function serveEngine(config: Config, signal: AbortSignal): Promise<void> {
  const { host, port, secret } = config.warehouse_server
  if (!secret)
    throw new CallhouseError(
      'config_missing',
      'callhouse warehouse needs a secret: set CALLHOUSE_WAREHOUSE_SECRET (and give the same to the processes that use it).',
    )
  const engine = await serveWarehouse({ path: join(config.data, 'warehouse'), database: config.warehouse.database, host, port, secret })
  process.stdout.write(
    `The warehouse is at ${engine.url}\nPoint other processes at it with CALLHOUSE_WAREHOUSE_URL=${engine.url} and the same CALLHOUSE_WAREHOUSE_SECRET.\n`,
  )
  await aborted(signal)
  await engine.close()
}
