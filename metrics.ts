/** The figures this process gives Prometheus: one registry, which the API serves at /metrics. */
import { Counter, Gauge, Registry } from 'prom-client'
import type { SourceReport } from './api/readiness.ts'
import type { Control } from './sql/control.ts'
import type { Warehouse } from './sql/warehouse.ts'

export interface Metrics {
  registry: Registry
  ingest_records: Counter<'tenant' | 'source' | 'outcome'>
  dlq_records: Counter<'tenant' | 'source'>
  ingest_paused: Gauge
  disk_free_ratio: Gauge
  reconcile_mismatch_rows: Gauge<'tenant' | 'source' | 'entity'>
  verify_differences: Gauge<'tenant'>
  verify_finished: Gauge<'tenant'>
  pull_failures: Counter<'tenant' | 'source' | 'code'>
  push_refused: Counter<'tenant' | 'source' | 'code'>
  kafka_lag: Gauge<'tenant' | 'source' | 'topic' | 'partition'>
}

/** What is read from the databases whenever somebody asks; a database that does not answer leaves the last figures out. */
export interface MetricSources {
  warehouse: Warehouse
  control: Control
  now?: () => number
  /** Read when asked, and between. */
  diskFreeRatio: () => Promise<number>
  /** How the sources are doing that this process pulls. */
  sourceReports?: () => SourceReport[]
}

const BY_SOURCE = ['tenant', 'source'] as const
const BY_PARTITION = [...BY_SOURCE, 'topic', 'partition'] as const

/** Makes every metric of the application, on a registry of its own. */
export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const now = sources.now ?? Date.now
  const ages = (name: string, help: string, read: () => Promise<Age[]>): void => {
    new Gauge({
      name,
      help,
      labelNames: BY_SOURCE,
      registers,
      async collect() {
        this.reset()
        for (const { tenant_id, source_id, at_ms } of await read().catch(() => []))
          this.set({ tenant: tenant_id, source: source_id }, Math.max(0, now() - at_ms) / 1000)
      },
    })
  }
  ages('cdr_ingest_lag_seconds', 'Age of the time up to which everything of a source is stored', () => reachOf(sources.warehouse, 'coverage'))
  ages('cdr_freshness_seconds', 'Age of the time up to which the facts have everything of a source', () =>
    reachOf(sources.warehouse, 'published_coverage'),
  )
  ages('cdr_pull_cursor_age_seconds', 'Time since a source last saved a checkpoint', () => checkpointAges(sources.control))
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]): Gauge<Label> =>
    new Gauge({ name, help, labelNames, registers })
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> =>
    new Counter({ name, help, labelNames, registers })
  addLedger(registry, sources.control)
  addSourceUp(registry, sources.sourceReports ?? (() => []))
  return {
    registry,
    ingest_records: counter('cdr_ingest_records_total', 'Lines, messages or items read, by what became of them', [...BY_SOURCE, 'outcome']),
    dlq_records: counter('cdr_dlq_records_total', 'Inputs kept as dead letters', BY_SOURCE),
    ingest_paused: gauge('cdr_ingest_paused', '1 while ingest waits for space on the disk', []),
    disk_free_ratio: new Gauge({
      name: 'cdr_disk_free_ratio',
      help: 'Free part of the disk that holds the data directory',
      registers,
      async collect() {
        const ratio = await sources.diskFreeRatio().catch(() => undefined)
        if (ratio !== undefined) this.set(ratio)
      },
    }),
    reconcile_mismatch_rows: gauge('cdr_reconcile_mismatch_rows', 'Rows by which the last nightly comparison with the source’s own totals differed', [
      ...BY_SOURCE,
      'entity',
    ]),
    verify_differences: gauge('cdr_verify_differences', 'Fact days that differed from their recomputation at the last scheduled verify', ['tenant']),
    verify_finished: gauge('cdr_verify_finished_timestamp_seconds', 'When the last scheduled verify of a tenant ended', ['tenant']),
    pull_failures: counter('cdr_pull_failures_total', 'Passes over a source that failed, by the code of the error', [...BY_SOURCE, 'code']),
    push_refused: counter('cdr_push_refused_total', 'Webhooks and uploads of which nothing was kept, by the code of the error', [
      ...BY_SOURCE,
      'code',
    ]),
    kafka_lag: gauge('cdr_kafka_lag_records', 'Records waiting in a partition that this process reads', BY_PARTITION),
  }
}

/** A source that has not shown yet how it does has no figure. */
function addSourceUp(registry: Registry, reports: () => SourceReport[]): void {
  new Gauge({
    name: 'cdr_source_up',
    help: '1 while a source can be read, 0 from a pass that failed to one that does not',
    labelNames: BY_SOURCE,
    registers: [registry],
    collect() {
      this.reset()
      for (const { tenant, source, state } of reports()) if (state !== 'starting') this.set({ tenant, source }, state === 'ok' ? 1 : 0)
    },
  })
}

/** What the ledger of Kafka sources says, whichever process wrote it. */
function addLedger(registry: Registry, control: Control): void {
  const registers = [registry]
  new Gauge({
    name: 'cdr_kafka_ledger_offset',
    help: 'Everything of a partition before this offset is stored',
    labelNames: BY_PARTITION,
    registers,
    async collect() {
      const entries = await ledgerOf(control).catch(() => [])
      this.reset()
      for (const { labels, next } of entries) this.set(labels, next)
    },
  })
  new Gauge({
    name: 'cdr_ledger_pending',
    help: 'Partitions of which a range was begun and is not known to be stored',
    labelNames: BY_SOURCE,
    registers,
    async collect() {
      const entries = await ledgerOf(control).catch(() => [])
      this.reset()
      for (const { labels, is_pending } of entries) this.inc({ tenant: labels.tenant, source: labels.source }, is_pending ? 1 : 0)
    },
  })
}

interface LedgerPosition {
  labels: Record<(typeof BY_PARTITION)[number], string>
  next: number
  is_pending: boolean
}

/** A Kafka source's checkpoints: a stream `kafka/TOPIC/PARTITION` for each partition. */
async function ledgerOf(control: Control): Promise<LedgerPosition[]> {
  const rows = await control.db
    .selectFrom('checkpoints')
    .select(['tenant_id', 'source_id', 'stream', 'value'])
    .where('stream', 'like', 'kafka/%')
    .execute()
  return rows.flatMap(({ tenant_id, source_id, stream, value }) => {
    const [, topic, partition] = /^kafka\/(.+)\/(\d+)$/.exec(stream) ?? []
    const { next, pending } = (value ?? {}) as { next?: unknown; pending?: unknown }
    if (topic === undefined || partition === undefined || typeof next !== 'number') return []
    return [{ labels: { tenant: tenant_id, source: source_id, topic, partition }, next, is_pending: Boolean(pending) }]
  })
}

interface Age {
  tenant_id: string
  source_id: string
  at_ms: number
}

/** The least reach of a source's entities; what it has only announced does not count. */
async function reachOf(warehouse: Warehouse, table: 'coverage' | 'published_coverage'): Promise<Age[]> {
  const result = await warehouse.query({
    query: `SELECT tenant_id, source_id, min(reach) AS at_ms FROM (
        SELECT tenant_id, source_id, entity, toUnixTimestamp64Milli(max(covered_to)) AS reach FROM ${table} GROUP BY tenant_id, source_id, entity)
      WHERE reach > 0 GROUP BY tenant_id, source_id`,
    format: 'JSONEachRow',
  })
  const rows = await result.json<{ tenant_id: string; source_id: string; at_ms: string | number }>()
  return rows.map((row) => ({ ...row, at_ms: Number(row.at_ms) }))
}

async function checkpointAges(control: Control): Promise<Age[]> {
  const rows = await control.db
    .selectFrom('checkpoints')
    .select(({ fn }) => ['tenant_id', 'source_id', fn.max('updated_at').as('at')])
    .groupBy(['tenant_id', 'source_id'])
    .execute()
  return rows.map(({ tenant_id, source_id, at }) => ({ tenant_id, source_id, at_ms: new Date(at).getTime() }))
}
