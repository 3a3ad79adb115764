/** The pretend company's 10 days, pulled over HTTP and turned into facts, are what its own event log says: every metric, every day. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSource, openStores, pullOnce, refreshOnce, type Stores } from './app.ts'
import { normalizeConfig } from './config.ts'
import { startTelco, type Telco } from './fixtures/telco-server.ts'
import { truth, type Truth } from './fixtures/truth.ts'
import { openLog } from './log.ts'
import { runQuery } from './transform/run-query.ts'
import { verifyTenant } from './transform/verify.ts'

const DAY_MS = 86_400_000
const NOW_MS = Date.UTC(2026, 9, 31, 15)
const FIRST_MS = Date.UTC(2026, 9, 21)
const days = Array.from({ length: 10 }, (_, at) => FIRST_MS + at * DAY_MS)
const data = mkdtempSync(join(tmpdir(), 'callhouse-truth-'))
let telco: Telco
let stores: Stores
let now_ms = NOW_MS

beforeAll(async () => {
  telco = await startTelco({ seed: 7, days: 12, calls_per_day: 400, clock: () => now_ms })
  stores = await openStores(normalizeConfig({ data }))
  await pull()
}, 120_000)
afterAll(async () => {
  await stores.close()
  await telco.close()
  rmSync(data, { recursive: true, force: true })
})

async function pull(): Promise<void> {
  const [settings] = normalizeConfig({ sources: [{ id: 'telco', tenant: 'demo', kind: 'pretend', url: telco.url, token: telco.token }] }).sources
  const totals = await pullOnce(stores, await openSource(stores, settings!), openLog('silent'), new AbortController().signal)
  expect(totals.rejected).toBe(0)
  expect(totals.accepted).toBe(totals.inputs)
  await refreshOnce(stores)
}

async function sums(fact: string, columns: string[], from_ms: number, group = "''"): Promise<Map<string, Record<string, number>>> {
  const result = await stores.warehouse.query({
    query: `SELECT ${group} AS grouped, ${columns.map((column) => `sum(f.${column}) AS ${column}`).join(', ')} FROM ${fact} AS f
      WHERE tenant_id = 'demo' AND bucket_start >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND bucket_start < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
      GROUP BY grouped`,
    query_params: { from_ms, to_ms: from_ms + DAY_MS },
    format: 'JSONEachRow',
  })
  const rows = await result.json<Record<string, string | number>>()
  return new Map(
    rows.map(({ grouped, ...row }) => [String(grouped), Object.fromEntries(Object.entries(row).map(([key, value]) => [key, Number(value)]))]),
  )
}

const micro = (amount: number | undefined): number => Math.round((amount ?? 0) * 1e6)
const truthOf = (from_ms: number, more: object = {}): Truth =>
  truth(telco.simulation, { from_ms, to_ms: from_ms + DAY_MS, now_ms: now_ms - 5_000, ...more })

/** Everything the facts say of a day, beside everything the company knows of it. */
async function expectDay(from_ms: number): Promise<void> {
  const known = truthOf(from_ms)
  const { answered_within, abandoned_within: _, wait_ms_max, ...queues } = known.queues
  expect((await sums('fact_queues', Object.keys(queues), from_ms)).get('')).toEqual(queues)
  const api = await runQuery(stores.warehouse, {
    tenant_id: 'demo',
    metrics: ['answered_within', 'longest_wait_ms'],
    from: new Date(from_ms).toISOString(),
    to: new Date(from_ms + DAY_MS).toISOString(),
    threshold_ms: 20_000,
  })
  // Where nobody's wait is over there is no longest one: null, not 0.
  expect(api.rows[0]).toEqual({ answered_within, longest_wait_ms: queues.offered > queues.waiting ? wait_ms_max : null })

  const { by_direction, by_disposition, cost_micro, ...calls } = known.calls
  const callSums = (await sums('fact_calls', [...Object.keys(calls), 'cost'], from_ms)).get('')!
  expect({ ...callSums, cost: micro(callSums['cost']) }).toEqual({ ...calls, cost: cost_micro })
  const byDirection = await sums('fact_calls', ['calls'], from_ms, 'direction')
  expect(Object.fromEntries([...byDirection].map(([direction, { calls }]) => [direction, calls]))).toEqual(by_direction)
  const dispositions = (
    await sums('fact_calls', ['in_progress', 'answered', 'abandoned', 'no_answer', 'busy', 'failed', 'voicemail', 'rejected'], from_ms)
  ).get('')!
  expect(Object.fromEntries(Object.entries(dispositions).filter(([, n]) => n > 0))).toEqual(by_disposition)

  const agents = await sums('fact_agents', Object.keys(Object.values(known.agents)[0] ?? { handled: 0 }), from_ms, 'agent_id')
  expect(Object.fromEntries(agents)).toEqual(known.agents)

  const messages = (await sums('fact_messages', ['messages', 'segments', 'delivered', 'price'], from_ms)).get('')
  expect({ ...messages, price: micro(messages?.['price']) }).toEqual({
    messages: known.messages.messages,
    segments: known.messages.segments,
    delivered: known.messages.delivered,
    price: known.messages.price_micro,
  })

  const numbers = await sums(
    'fact_numbers',
    ['seizures', 'answered', 'busy', 'no_answer', 'failed', 'bill_ms', 'buy_price', 'sell_price'],
    from_ms,
    "concat(number, '|', trunk_id)",
  )
  const known_numbers = Object.fromEntries(
    Object.entries(known.numbers).map(([key, { buy_micro, sell_micro, ...rest }]) => [
      key,
      { ...rest, buy_price: buy_micro, sell_price: sell_micro },
    ]),
  )
  expect(
    Object.fromEntries([...numbers].map(([key, row]) => [key, { ...row, buy_price: micro(row['buy_price']), sell_price: micro(row['sell_price']) }])),
  ).toEqual(known_numbers)

  const usage = await sums('fact_usage', ['quantity', 'price'], from_ms, "concat(toString(toDate(bucket_start)), '|', category)")
  const known_usage = Object.fromEntries(
    Object.entries(known.usage).map(([key, { quantity, price_micro }]) => [key, { quantity: micro(quantity), price: price_micro }]),
  )
  expect(Object.fromEntries([...usage].map(([key, { quantity, price }]) => [key, { quantity: micro(quantity), price: micro(price) }]))).toEqual(
    known_usage,
  )
}

test('every metric of every day is what really happened', async () => {
  for (const day of days) await expectDay(day)
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
  for (const day of [...days, FIRST_MS + 10 * DAY_MS, FIRST_MS + 11 * DAY_MS]) await expectDay(day)
  expect(await verifyTenant(stores.warehouse, stores.models, 'demo')).toEqual([])
}, 120_000)

test('pulling again loads nothing twice', async () => {
  const before = await sums('fact_calls', ['calls'], days[0]!)
  await pull()
  expect(await sums('fact_calls', ['calls'], days[0]!)).toEqual(before)
})
