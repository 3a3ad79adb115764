/** The pretend company's 10 days, pulled over HTTP and turned into facts, are what its own event log says: every metric, every day. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSource, pullOnce, refreshOnce, type Stores } from './app.ts'
import { normalizeConfig } from './config.ts'
import { expectDay, sums, type Subject } from './fixtures/test-expect-truth.ts'
import { startTelco, type Telco } from './fixtures/telco-server.ts'
import { truth, type Truth } from './fixtures/truth.ts'
import { openLog } from './log.ts'
import { onBothModes } from './modes.suite.ts'
import { runQuery } from './transform/run-query.ts'
import { verifyTenant } from './transform/verify.ts'

const DAY_MS = 86_400_000
const NOW_MS = Date.UTC(2026, 9, 31, 15)
const FIRST_MS = Date.UTC(2026, 9, 21)
const days = Array.from({ length: 10 }, (_, at) => FIRST_MS + at * DAY_MS)
onBothModes('facts and truth', (opened) => {
  let telco: Telco
  let stores: Stores
  let now_ms = NOW_MS

  beforeAll(async () => {
    telco = await startTelco({ seed: 7, days: 12, calls_per_day: 400, clock: () => now_ms })
    stores = opened()
    await pull()
  }, 120_000)
  afterAll(() => telco.close())

  async function pull(): Promise<void> {
    const [settings] = normalizeConfig({ sources: [{ id: 'telco', tenant: 'demo', kind: 'pretend', url: telco.url, token: telco.token }] }).sources
    const totals = await pullOnce(stores, await openSource(stores, settings!), openLog('silent'), new AbortController().signal)
    expect(totals.rejected).toBe(0)
    expect(totals.accepted).toBe(totals.inputs)
    await refreshOnce(stores)
  }

  const truthOf = (from_ms: number, more: object = {}): Truth =>
    truth(telco.simulation, { from_ms, to_ms: from_ms + DAY_MS, now_ms: now_ms - 5_000, ...more })
  const subject = (): Subject => ({ warehouse: stores.warehouse, tenant_id: 'demo', simulation: telco.simulation, now_ms: now_ms - 5_000 })
  const callsOf = (from_ms: number): ReturnType<typeof sums> => sums(subject(), 'fact_calls', ['calls'], from_ms)

  test('every metric of every day is what really happened', async () => {
    for (const day of days) await expectDay(subject(), day)
  }, 120_000)

  test('and by queue, through the API', async () => {
    const from_ms = days[3]!
    const { rows } = await runQuery(stores.warehouse, {
      tenant_id: 'demo',
      metrics: ['offered', 'answered', 'abandoned', 'timed_out', 'answered_within'],
      dimensions: ['queue'],
      from: new Date(from_ms).toISOString(),
      to: new Date(from_ms + DAY_MS).toISOString(),
      threshold_ms: 20_000,
    })
    expect(rows.length).toBeGreaterThan(3)
    for (const row of rows) {
      const { offered, answered, abandoned, timed_out, answered_within } = truthOf(from_ms, { queue_id: row['queue'] as string }).queues
      expect(row).toMatchObject({ offered, answered, abandoned, timed_out, answered_within })
    }
  })

  test('after two more days of calls, corrections and deletions it still is, and a verify agrees', async () => {
    now_ms += 2 * DAY_MS
    await pull()
    for (const day of [...days, FIRST_MS + 10 * DAY_MS, FIRST_MS + 11 * DAY_MS]) await expectDay(subject(), day)
    expect(await verifyTenant(stores.warehouse, stores.models, 'demo')).toEqual([])
  }, 120_000)

  test('pulling again loads nothing twice', async () => {
    const before = await callsOf(days[0]!)
    await pull()
    expect(await callsOf(days[0]!)).toEqual(before)
  })
})
