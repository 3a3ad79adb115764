/** What Prometheus is given, and that the alert rules and the handbook speak of metrics that exist. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { showLag } from './kafka-figures.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { SourceHealth } from './source-health.ts'
import { saveCheckpoint } from './sql/checkpoints.ts'
import { openControl, type Control } from './sql/control.ts'
import type { Warehouse } from './sql/warehouse.ts'

const folder = mkdtempSync(join(tmpdir(), 'callhouse-metrics-'))
const health = new SourceHealth()
let control: Control
let metrics: Metrics
beforeAll(async () => {
  control = await openControl({ path: join(folder, 'control') })
  // A warehouse that does not answer leaves its figures out, and no others.
  const warehouse = { query: () => Promise.reject(new Error('away')) } as unknown as Warehouse
  metrics = createMetrics({ warehouse, control, diskFreeRatio: async () => 0.5, sourceReports: () => health.report() })
}, 60_000)
afterAll(async () => {
  await control.close()
  rmSync(folder, { recursive: true, force: true })
})

const source = { tenant: 'acme', source: 'stream' }
const figures = async (name: string): Promise<string[]> =>
  (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith(`${name}{`))

describe('figures', () => {
  test('a source is up or down once it has shown which', async () => {
    health.add(source)
    expect(await figures('cdr_source_up')).toEqual([])
    health.failed(source, 'source_unavailable')
    expect(await figures('cdr_source_up')).toEqual(['cdr_source_up{tenant="acme",source="stream"} 0'])
    health.ok(source)
    expect(await figures('cdr_source_up')).toEqual(['cdr_source_up{tenant="acme",source="stream"} 1'])
  })

  test('a partition that another member has now loses its lag', async () => {
    const show = showLag(metrics, source)
    const labels = (partition: number): string => `{tenant="acme",source="stream",topic="cdr",partition="${partition}"}`
    show([
      { topic: 'cdr', partition: 0, records: 12 },
      { topic: 'cdr', partition: 1, records: 0 },
    ])
    expect(await figures('cdr_kafka_lag_records')).toEqual([`cdr_kafka_lag_records${labels(0)} 12`, `cdr_kafka_lag_records${labels(1)} 0`])
    show([{ topic: 'cdr', partition: 1, records: 3 }])
    expect(await figures('cdr_kafka_lag_records')).toEqual([`cdr_kafka_lag_records${labels(1)} 3`])
    show([])
    expect(await figures('cdr_kafka_lag_records')).toEqual([])
  })

  test('the ledger says up to where each partition is stored, and how many ranges are under way', async () => {
    const save = (stream: string, value: unknown) => saveCheckpoint(control, { tenant_id: 'acme', source_id: 'stream', stream, value })
    await save('kafka/call/records/0', { format: 2, next: 40, pending: { next: 50 } })
    await save('kafka/call/records/1', { format: 2, next: 7 })
    await save('kafka/odd', { next: 'x' })
    await save('calls', { since: 1 })
    const of = (partition: number): string => `cdr_kafka_ledger_offset{tenant="acme",source="stream",topic="call/records",partition="${partition}"}`
    expect((await figures('cdr_kafka_ledger_offset')).sort()).toEqual([`${of(0)} 40`, `${of(1)} 7`])
    expect(await figures('cdr_ledger_pending')).toEqual(['cdr_ledger_pending{tenant="acme",source="stream"} 1'])
  })
})

describe('the documents', () => {
  const { groups } = parse(readFileSync(join(import.meta.dirname, 'docs/alerts.yaml'), 'utf8')) as {
    groups: { rules: { alert: string; expr: string; annotations: { summary: string; description: string } }[] }[]
  }
  const rules = groups.flatMap((group) => group.rules)
  const named = (text: string): string[] => [...new Set(text.match(/\bcdr_\w+/g))]
  const existing = (): string[] => metrics.registry.getMetricsAsArray().map(({ name }) => name)

  test('every metric of an alert exists, with every label that the alert asks for', () => {
    expect(rules.length).toBeGreaterThan(8)
    const labels = new Map(
      metrics.registry.getMetricsAsArray().map((metric) => [metric.name, (metric as unknown as { labelNames: string[] }).labelNames]),
    )
    for (const { alert, expr, annotations } of rules) {
      const used = named(expr)
      expect(used, alert).not.toEqual([])
      expect(existing(), alert).toEqual(expect.arrayContaining(used))
      const given = ['instance', ...used.flatMap((name) => labels.get(name)!)]
      const asked = Array.from(expr.matchAll(/(?:by|on) \(([^)]+)\)/g), ([, list]) => list!.split(', ')).flat()
      const shown = Array.from(JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g), ([, label]) => label!)
      for (const label of [...asked, ...shown]) expect(given, alert).toContain(label)
      // What an alert does not keep, its text cannot show.
      for (const label of shown) expect(asked, alert).toContain(label)
    }
  })

  test('what must be told is told', () => {
    const watched = named(rules.map(({ expr }) => expr).join('\n'))
    expect(watched).toEqual(
      expect.arrayContaining([
        'cdr_verify_differences',
        'cdr_reconcile_mismatch_rows',
        'cdr_ingest_paused',
        'cdr_source_up',
        'cdr_dlq_records_total',
        'cdr_freshness_seconds',
        'cdr_kafka_lag_records',
      ]),
    )
  })

  test('docs/operations.md explains every metric of the registry, and no other', () => {
    const text = readFileSync(join(import.meta.dirname, 'docs/operations.md'), 'utf8')
    expect(named(text).sort()).toEqual(existing().sort())
  })
})
