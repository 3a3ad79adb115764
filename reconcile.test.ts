/** Totals of the pretend company against the warehouse, what the nightly checks say and count, and a replay of all it delivered. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSource, openStores, pullOnce, refreshOnce, type OpenSource, type Stores } from './app.ts'
import { normalizeConfig, type Config } from './config.ts'
import { summedFields } from './fixtures/telco-totals.ts'
import { startTelco, type Telco } from './fixtures/telco-server.ts'
import type { CanonicalRecord } from './ingest/records/index.ts'
import { replayRecords } from './ingest/replay-records.ts'
import type { Log } from './ingest/source.ts'
import { openLog } from './log.ts'
import { atEvery, verifyRecent } from './nightly.ts'
import { mismatchedRows, reconcileNightly, type Reconciliation } from './reconcile.ts'
import { runVerb } from './run-verb.ts'
import { listenApi } from './serve-api.ts'
import { verifyTenant } from './transform/verify.ts'

const DAY_MS = 86_400_000
const ADMIN_KEY = 'an-admin-key-for-tests'
const data = mkdtempSync(join(tmpdir(), 'callhouse-reconcile-'))
/** Those with a number to sum, and one without. */
const streams = [...Object.keys(summedFields), 'users']
const stop = new AbortController()
const now_ms = Date.UTC(2026, 9, 31, 3, 15)
let telco: Telco
let config: Config
let stores: Stores
let open: OpenSource
let looks = 0
let alarms: { details: object; message: string }[] = []
const log: Log = { ...openLog('silent'), error: (details, message) => void alarms.push({ details, message }) }

beforeAll(async () => {
  telco = await startTelco({ seed: 11, days: 9, calls_per_day: 60, clock: () => now_ms })
  config = normalizeConfig({
    data,
    log_level: 'silent',
    api: { port: 0, admin_key: ADMIN_KEY },
    sources: [{ id: 'telco', tenant: 'demo', kind: 'pretend', url: telco.url, token: telco.token, streams }],
  })
  stores = await openStores(config)
  open = await openSource(stores, config.sources[0]!)
  await pull()
}, 60_000)
afterAll(async () => {
  await stores.close()
  await telco.close()
  rmSync(data, { recursive: true, force: true })
})

async function pull(): Promise<void> {
  await pullOnce(stores, open, openLog('silent'), stop.signal)
  await refreshOnce(stores)
}
const different = (found: Reconciliation[]) => found.filter((row) => mismatchedRows(row) > 0)
const night = () => reconcileNightly(stores, open, log, stop.signal, { now: () => now_ms, sleep: async () => void looks++ })

test('what was pulled is what the source counts and sums, in every stream; a day from before its history is not compared', async () => {
  const found = await night()
  expect(different(found)).toEqual([])
  expect([...new Set(found.map(({ day }) => day))].sort()).toEqual(['2026-10-24', '2026-10-30'])
  expect(new Set(found.map(({ entity }) => entity)).size).toBe(open.source.entities.length)
  // Nothing equals nothing; these have something to count.
  for (const [entity, field] of Object.entries(summedFields)) {
    const rows = found.filter((row) => row.entity === entity)
    expect(rows.every((row) => row.field === field) && rows.some((row) => row.source_count > 0), entity).toBe(true)
  }
  expect(found.find(({ entity }) => entity === 'calls')!.source_sum).toBeGreaterThan(0)
  expect({ alarms, looks }).toEqual({ alarms: [], looks: 0 })
})

test('reading all of it again with the same parsers changes nothing', async () => {
  for (const entity of open.source.entities) {
    const again = await replayRecords(
      stores.warehouse,
      stores.loader,
      open.source,
      entity,
      { tenant_id: 'demo', source_id: 'telco' },
      { apply: true },
    )
    expect(again, entity).toMatchObject({ unchanged: again.records, changed: 0, failing: 0, unreadable: 0 })
  }
}, 60_000)

test('a row that is missing and one that is wrong are found, counted, kept and said', async () => {
  await stores.warehouse.command({
    query: `INSERT INTO calls (tenant_id, source_id, native_id, anchor_day, version, is_deleted)
      SELECT tenant_id, source_id, native_id, anchor_day, version + 1, 1 FROM calls FINAL WHERE tenant_id = 'demo' AND anchor_day = '2026-10-30' ORDER BY native_id LIMIT 2`,
  })
  await stores.warehouse.command({
    query: `INSERT INTO queue_visits SELECT * REPLACE (version + 1 AS version, wait_ms + 7 AS wait_ms)
      FROM queue_visits FINAL WHERE tenant_id = 'demo' AND anchor_day = '2026-10-24' ORDER BY native_id LIMIT 1`,
  })
  const found = different(await night())
  expect(found).toMatchObject([
    { entity: 'queue_visits', day: '2026-10-24' },
    { entity: 'calls', day: '2026-10-30' },
  ])
  expect(found.map(mismatchedRows)).toEqual([1, 2])
  // It was looked at again before anyone was woken.
  expect(looks).toBe(2)
  expect(found[1]!.source_count - found[1]!.warehouse_count).toBe(2)
  expect(alarms.map(({ details }) => details)).toMatchObject([
    { entity: 'queue_visits', rows: 1 },
    { entity: 'calls', rows: 2 },
  ])
})

test('the scheduled verify raises an alarm about facts that are not what the records say', async () => {
  alarms = []
  // The row that was changed behind the loader's back has no mark, so its fact was never rebuilt.
  await verifyRecent(stores, log, now_ms)
  const text = await stores.metrics.registry.metrics()
  expect(alarms).toMatchObject([{ details: { tenant_id: 'demo' }, message: expect.stringContaining('facts differ') as string }])
  expect(Number(/cdr_verify_differences\{tenant="demo"\} (\d+)/.exec(text)![1])).toBeGreaterThan(0)
  alarms = []
  await verifyRecent(stores, log, now_ms + 40 * DAY_MS)
  expect(alarms).toEqual([])
})

test('the scheduled verify reads few old records, and those that count on its days all the same', async () => {
  const target = { tenant_id: 'late', source_id: 's' }
  const visit = (native_id: string, anchor_at: string, entered_at: string): CanonicalRecord => ({
    entity: 'queue_visits',
    record: { native_id, anchor_at, version: 1, call_id: 'c', queue_id: 'q', entered_at, outcome: 'closed' },
  })
  const records = [visit('moved', '2026-03-01T08:00:00Z', '2026-10-30T08:00:00Z'), visit('old', '2026-03-01T08:00:00Z', '2026-03-01T08:00:00Z')]
  await stores.loader.load({ stream: 's', inputs: 2, records, rejects: [], checkpoint: null }, target)
  await refreshOnce(stores)
  const recent = { from: '2026-10-25', to: '2026-11-01', anchors_from: '2026-09-01' }
  expect(await verifyTenant(stores.warehouse, stores.models, 'late', recent)).toEqual([])
  await stores.warehouse.command({
    query: `INSERT INTO queue_visits SELECT * REPLACE (version + 1 AS version, 'other' AS queue_id) FROM queue_visits FINAL WHERE tenant_id = 'late' AND native_id = 'moved'`,
  })
  expect(await verifyTenant(stores.warehouse, stores.models, 'late', recent)).toMatchObject([{ fact: 'fact_queues', day: '2026-10-30' }])
})

test('the API serves the comparison to readers and the figures to the operator', async () => {
  const api = await listenApi(stores, config, openLog('silent'))
  try {
    const get = (path: string) => fetch(api.url + path, { headers: { authorization: `Bearer ${ADMIN_KEY}`, 'x-callhouse-tenant': 'demo' } })
    const { reconciliations } = (await (await get('/v1/reconciliations?from=2026-10-30&to=2026-10-31&source=telco')).json()) as {
      reconciliations: object[]
    }
    expect(reconciliations).toHaveLength(open.source.entities.length)
    expect(reconciliations.find((row) => (row as Reconciliation).entity === 'calls')).toMatchObject({ day: '2026-10-30', field: 'talk_ms' })
    expect((await get('/v1/reconciliations?from=yesterday')).status).toBe(400)
    const figures = await (await get('/metrics')).text()
    expect(figures).toMatch(/cdr_ingest_records_total\{tenant="demo",source="telco",outcome="accepted"\} [1-9]/)
    expect(figures).toContain('cdr_reconcile_mismatch_rows{tenant="demo",source="telco",entity="calls"} 2')
    for (const name of ['cdr_ingest_lag_seconds', 'cdr_freshness_seconds', 'cdr_pull_cursor_age_seconds'])
      expect(figures).toMatch(new RegExp(`${name}\\{tenant="demo",source="telco"\\} \\d`))
    expect(figures).toMatch(/cdr_disk_free_ratio 0\.\d/)
    expect(figures).toContain('callhouse_http_request_duration_seconds')
    expect(await (await get('/readyz')).json()).toMatchObject({ checks: { warehouse: 'ok', control: 'ok' } })
  } finally {
    await api.close()
  }
})

test('a job runs at each of its times, also after one that failed, and not after the end', async () => {
  const end = new AbortController()
  const clock = { now_ms: Date.UTC(2026, 10, 1, 3) }
  const ran: string[] = []
  const said: string[] = []
  await atEvery(
    '15 3 * * *',
    async () => {
      ran.push(new Date(clock.now_ms).toISOString())
      if (ran.length === 3) end.abort()
      if (ran.length === 1) throw new Error('once')
      // A job that takes longer than a day skips what it ran over.
      if (ran.length === 2) clock.now_ms += 30 * 3_600_000
    },
    { ...log, error: (_, message) => void said.push(message) },
    end.signal,
    {
      now: () => clock.now_ms,
      sleep: async (ms) => {
        clock.now_ms += ms
      },
    },
  )
  expect(ran).toEqual(['2026-11-01T03:15:00.000Z', '2026-11-02T03:15:00.000Z', '2026-11-04T03:15:00.000Z'])
  expect(said).toHaveLength(1)
})

test('the command says so by its exit code', async () => {
  await stores.close()
  const [bad, good] = [
    await runVerb(config, 'reconcile', { day: ['2026-10-30'] }, stop.signal),
    await runVerb(config, 'reconcile', { tenant: 'demo', day: ['2026-10-29'] }, stop.signal),
  ]
  expect([bad, good]).toEqual([1, 0])
  await expect(runVerb(config, 'reconcile', { tenant: 'nobody' }, stop.signal)).rejects.toThrow(/No such source/)
  stores = await openStores(config)
})
