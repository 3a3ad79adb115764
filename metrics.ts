/** The figures this process gives Prometheus: one registry, which the API serves at /metrics. */
import { Counter, Gauge, Registry } from 'prom-client'
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
}

/** What is read from the databases whenever somebody asks; a database that does not answer leaves the last figures out. */
export interface MetricSources {
  warehouse: Warehouse
  control: Control
  now?: () => number
  /** Read when asked, and between. */
  diskFreeRatio: () => Promise<number>
}

const BY_SOURCE = ['tenant', 'source'] as const

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
  return {
    registry,
    ingest_records: new Counter({
      name: 'cdr_ingest_records_total',
      help: 'Lines, messages or items read, by what became of them',
      labelNames: [...BY_SOURCE, 'outcome'],
      registers,
    }),
    dlq_records: new Counter({ name: 'cdr_dlq_records_total', help: 'Inputs kept as dead letters', labelNames: BY_SOURCE, registers }),
    ingest_paused: new Gauge({ name: 'cdr_ingest_paused', help: '1 while ingest waits for space on the disk', registers }),
    disk_free_ratio: new Gauge({
      name: 'cdr_disk_free_ratio',
      help: 'Free part of the disk that holds the data directory',
      registers,
      async collect() {
        const ratio = await sources.diskFreeRatio().catch(() => undefined)
        if (ratio !== undefined) this.set(ratio)
      },
    }),
    reconcile_mismatch_rows: new Gauge({
      name: 'cdr_reconcile_mismatch_rows',
      help: 'Rows by which the last nightly comparison with the source’s own totals differed',
      labelNames: [...BY_SOURCE, 'entity'],
      registers,
    }),
    verify_differences: new Gauge({
      name: 'cdr_verify_differences',
      help: 'Fact days that differed from their recomputation at the last scheduled verify',
      labelNames: ['tenant'],
      registers,
    }),
  }
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
