/**
 * Joins the parts into a running Callhouse: the two databases, the sources, the
 * refresh loop and the API, in whichever combination a process is asked for.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Cron } from 'croner'
import type { Logger } from 'pino'
import type { ReadinessReport } from './api/readiness.ts'
import type { Config, SourceSettings } from './config.ts'
import { CallhouseError, messageOf } from './errors.ts'
import { DiskGuard, type DiskGuardOptions } from './ingest/disk-guard.ts'
import { Loader } from './ingest/loader.ts'
import { realSleep, runForever, runPass, type PassTotals, type SourceRun } from './ingest/run-source.ts'
import type { Log, Source } from './ingest/source.ts'
import { createSource } from './ingest/sources/index.ts'
import { showLag } from './kafka-figures.ts'
import { openLog } from './log.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { isDown, SourceHealth } from './source-health.ts'
import { openControl, type Control } from './sql/control.ts'
import { controlLeases } from './sql/control-leases.ts'
import { withLease, type LeaseStore } from './sql/leases.ts'
import { migrateWarehouse } from './sql/migrate-warehouse.ts'
import { ensureSource } from './sql/sources.ts'
import { ensureTenant } from './sql/tenants.ts'
import { openWarehouse, type Warehouse } from './sql/warehouse.ts'
import { collectSuperseded } from './transform/collect-superseded.ts'
import { controlGenerations } from './transform/control-generations.ts'
import type { FactStore, Generations } from './transform/fact-store.ts'
import { loadModels, type Model } from './transform/load-models.ts'
import { refreshFacts, type RefreshOptions, type RefreshResult } from './transform/refresh.ts'
import { warehouseFactStore } from './transform/warehouse-fact-store.ts'
import { warehouseRecordStore } from './ingest/warehouse-record-store.ts'
import { controlSourceState } from './ingest/control-source-state.ts'

/** The two databases, open and migrated, and what stands on them. */
export interface Stores {
  warehouse: Warehouse
  control: Control
  models: Model[]
  facts: FactStore
  generations: Generations
  leases: LeaseStore
  loader: Loader
  metrics: Metrics
  disk: DiskGuard
  /** How those are doing that this process pulls. */
  sources: SourceHealth
  close(): Promise<void>
}

/** Opens both databases and brings their schemas up to date. */
export async function openStores(config: Config, options: Pick<DiskGuardOptions, 'statfs'> = {}): Promise<Stores> {
  mkdirSync(config.data, { recursive: true })
  const [control, warehouse] = await Promise.allSettled([
    openControl({ url: config.database_url, path: join(config.data, 'control') }),
    openMigratedWarehouse(config),
  ])
  if (control.status === 'rejected' || warehouse.status === 'rejected') {
    if (control.status === 'fulfilled') await control.value.close()
    if (warehouse.status === 'fulfilled') await warehouse.value.close()
    throw (control.status === 'rejected' ? control : (warehouse as PromiseRejectedResult)).reason
  }
  const onChange = (paused: boolean): void => metrics.ingest_paused.set(paused ? 1 : 0)
  const disk = new DiskGuard(config.data, { ...options, sleep: realSleep, log: openLog(config.log_level), onChange })
  const sources = new SourceHealth()
  const metrics = createMetrics({
    warehouse: warehouse.value,
    control: control.value,
    diskFreeRatio: () => disk.freeRatio(),
    sourceReports: () => sources.report(),
  })
  return {
    warehouse: warehouse.value,
    control: control.value,
    models: loadModels(),
    facts: warehouseFactStore(warehouse.value),
    generations: controlGenerations(control.value),
    leases: controlLeases(control.value),
    loader: new Loader(warehouseRecordStore(warehouse.value)),
    metrics,
    disk,
    sources,
    close: async () => {
      await warehouse.value.close()
      await control.value.close()
    },
  }
}

async function openMigratedWarehouse(config: Config): Promise<Warehouse> {
  const warehouse = await openWarehouse({ ...config.warehouse, path: join(config.data, 'warehouse') })
  try {
    await migrateWarehouse(warehouse)
  } catch (thrown) {
    await warehouse.close()
    throw thrown
  }
  return warehouse
}

/** After a kill -9 nobody refreshes for as long; a live holder renews it well before. */
const LEASE_MS = 10_000

/** Brings the facts up to date once; at most one process does so at a time. Undefined when another one is at it. */
export async function refreshOnce(stores: Stores, options: RefreshOptions = {}): Promise<RefreshResult | undefined> {
  let result: RefreshResult | undefined
  await withLease(stores.leases, 'transform', { ttl_ms: LEASE_MS }, async ({ signal }) => {
    result = await refreshFacts(stores, { ...options, signal })
  })
  return result
}

/** How long to wait before asking for another's lease again. */
const TURN_MS = 50

/** Brings the facts up to everything that is loaded now, after whoever is at it has finished. */
export async function refreshToNow(stores: Stores, signal?: AbortSignal): Promise<RefreshResult> {
  for (;;) {
    signal?.throwIfAborted()
    const result = await refreshOnce(stores)
    if (result) return result
    await realSleep(TURN_MS)
  }
}

/** Between two sweeps nobody may still read, or build, what the later one deletes. */
const SWEEP_MS = 15 * 60_000

/** Refreshes every `refresh_ms` until the signal aborts; a failed refresh is logged and tried again. */
export async function refreshForever(
  stores: Stores,
  config: Config,
  log: Logger,
  signal: AbortSignal,
  onRefresh?: (result: RefreshResult) => void,
): Promise<void> {
  let floor = 0
  let sweep_at = Date.now() + SWEEP_MS
  while (!signal.aborted) {
    try {
      const result = await refreshOnce(stores)
      if (result) onRefresh?.(result)
      if (result && Date.now() >= sweep_at) {
        if (floor > 0) await collectSuperseded(stores.warehouse, stores.models, floor)
        floor = result.generation
        sweep_at = Date.now() + SWEEP_MS
      }
    } catch (thrown) {
      log.error({ reason: messageOf(thrown) }, 'refresh failed; facts keep their last published state, it is tried again')
    }
    await realSleep(config.refresh_ms, signal)
  }
}

/** A source ready to run: known to the control plane, its tenant there. */
export interface OpenSource {
  settings: SourceSettings
  source: Source
}

/** Makes a configured source known and creates it. */
export async function openSource(stores: Stores, settings: SourceSettings): Promise<OpenSource> {
  await ensureTenant(stores.control, settings.tenant)
  await ensureSource(stores.control, {
    tenant_id: settings.tenant,
    id: settings.id,
    kind: settings.kind,
    config: { poll_ms: settings.poll_ms, cron: settings.cron, time_zone: settings.time_zone },
  })
  const { id, tenant, kind, time_zone, options } = settings
  // config.ts has checked that a kind has what it needs; the source checks the values.
  const source = createSource({ ...options, id, tenant, kind, time_zone })
  await stores.loader.declare(source.entities, { tenant_id: settings.tenant, source_id: settings.id })
  return { settings, source }
}

/** What `runPass` and `runForever` need for a source. */
export function sourceRun(stores: Stores, open: OpenSource, log: Log, signal: AbortSignal, onBatch?: SourceRun['onBatch']): SourceRun {
  const { settings, source } = open
  const target = { tenant_id: settings.tenant, source_id: settings.id }
  const labels = { tenant: settings.tenant, source: settings.id }
  const counted: SourceRun['onBatch'] = (batch, result) => {
    stores.metrics.ingest_records.inc({ ...labels, outcome: 'accepted' }, result.accepted)
    stores.metrics.ingest_records.inc({ ...labels, outcome: 'rejected' }, result.rejected)
    stores.metrics.dlq_records.inc(labels, result.rejected)
    onBatch?.(batch, result)
  }
  return { source, ...target, state: controlSourceState(stores.control, target), loader: stores.loader, log, signal, onBatch: counted }
}

/** Pulls a source until the signal aborts, by its interval or its cron expression; waits while the disk is nearly full. */
export function pullForever(
  stores: Stores,
  open: OpenSource,
  log: Logger,
  signal: AbortSignal,
  onPass?: (totals: PassTotals) => void,
): Promise<void> {
  const { settings } = open
  const cron = settings.cron === undefined ? undefined : new Cron(settings.cron, { paused: true, timezone: settings.time_zone })
  const pause_ms = (): number => (cron ? (cron.msToNext() ?? settings.poll_ms) : settings.poll_ms)
  const key = { tenant: settings.tenant, source: settings.id }
  stores.sources.add(key, { is_endless: settings.kind === 'kafka' })
  const onLag = showLag(stores.metrics, key)
  const run: SourceRun = {
    ...sourceRun(stores, open, log, signal, () => stores.sources.stored(key)),
    admit: (stop) => {
      stores.sources.trying(key)
      return stores.disk.admit(stop)
    },
    onLag,
  }
  return runForever(run, {
    pause_ms,
    onPass: (totals) => {
      stores.sources.ok(key)
      onPass?.(totals)
    },
    onFailure: (code) => {
      // Whoever has its partitions now says what waits there.
      onLag([])
      stores.sources.failed(key, code)
      stores.metrics.pull_failures.inc({ ...key, code })
    },
  })
}

/** One pass over a source. */
export function pullOnce(stores: Stores, open: OpenSource, log: Logger, signal: AbortSignal, onBatch?: SourceRun['onBatch']): Promise<PassTotals> {
  return runPass(sourceRun(stores, open, log, signal, onBatch))
}

/**
 * What a dependency says of itself, for /readyz. A full disk pauses ingest only:
 * reads are served, so it is said and does not count. So it is with a source
 * that is down where the process also serves reads: `degraded`, and still ready.
 */
export async function readiness(stores: Stores, { serves_reads = true } = {}): Promise<ReadinessReport> {
  const [disk, warehouse, control] = await Promise.all([
    stores.disk.status(),
    stores.warehouse.ping().then((answer) => (answer.success ? 'ok' : messageOf(answer.error)), messageOf),
    stores.control.db
      .selectFrom('tenants')
      .select('id')
      .limit(1)
      .execute()
      .then(() => 'ok', messageOf),
  ])
  const answers = warehouse === 'ok' && control === 'ok'
  const sources = stores.sources.report()
  if (sources.length === 0) return { ready: answers, checks: { warehouse, control, disk } }
  const down = sources.filter(isDown).length
  const checks = { warehouse, control, disk, sources: down === 0 ? 'ok' : `${down} of ${sources.length} cannot be read; "sources" says why` }
  return { ready: answers && (serves_reads || down === 0), degraded: down > 0, checks, sources }
}

/** The error for a verb that needs a source which the config does not have. */
export function noSources(): CallhouseError {
  return new CallhouseError(
    'config_missing',
    'No source is configured. Add one under "sources" in callhouse.yaml (callhouse.example.yaml shows each kind).',
  )
}
