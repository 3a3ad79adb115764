/** Tenants that share statements, and what a sweep leaves behind. */
import { expect, test } from 'vitest'
import type { Stores } from '../app.ts'
import type { CanonicalRecord } from '../ingest/records/index.ts'
import { onBothModes } from '../modes.suite.ts'
import { collectSuperseded } from './collect-superseded.ts'
import { refreshFacts } from './refresh.ts'
import { verifyTenant } from './verify.ts'

const DAY_MS = 86_400_000
const FIRST_MS = Date.UTC(2026, 7, 1)

/** One visit on that day, abandoned after `wait_ms`; the same ids for every tenant. */
function visit(day: number, version: number, wait_ms: number): CanonicalRecord {
  const entered_at = FIRST_MS + day * DAY_MS
  const times = { anchor_at: entered_at, entered_at, exited_at: entered_at + wait_ms }
  return {
    entity: 'queue_visits',
    record: { native_id: `v${day}`, version, call_id: `c${day}`, queue_id: 'sales', outcome: 'abandoned', wait_ms, ...times },
  }
}

async function load(stores: Stores, tenant_id: string, records: CanonicalRecord[]): Promise<void> {
  const batch = { stream: 'queue_visits', inputs: records.length, records, rejects: [], checkpoint: null }
  await stores.loader.load(batch, { tenant_id, source_id: 's' })
}

async function read(stores: Stores, query: string): Promise<object[]> {
  return (await stores.warehouse.query({ query, format: 'JSONEachRow' })).json<object>()
}

/** Days and summed waits by tenant, as readers see them. */
function facts(stores: Stores): Promise<object[]> {
  const query = `SELECT tenant_id, toUInt32(count()) AS days, toUInt32(sum(fact.wait_ms)) AS waits
    FROM fact_queues AS fact GROUP BY tenant_id ORDER BY tenant_id`
  return read(stores, query)
}

onBothModes('a refresh', (stores) => {
  // Long, so that half a year of them is a long request.
  const tenants = ['a', 'b', 'c'].map((letter) => letter.repeat(60))
  const [a, b, c] = tenants as [string, string, string]
  const days = (count: number): number[] => Array.from({ length: count }, (_, day) => day)

  test('gives every tenant its own days and no others, however many share a statement', async () => {
    await load(
      stores(),
      a,
      days(150).map((day) => visit(day, 1, 1_000)),
    )
    await load(
      stores(),
      b,
      days(20).map((day) => visit(day, 1, 100)),
    )
    await load(stores(), c, [visit(3, 1, 10), visit(149, 1, 10)])
    const published: number[] = []
    const result = await refreshFacts(stores(), { onProgress: (done, total) => published.push(done / total) })
    // fact_queues and fact_agents read visits.
    expect(result).toMatchObject({ marks: 172, days: 2 * 172 })
    expect(published.at(-1)).toBe(1)
    const before = { tenant_id: a, days: 150, waits: 150_000 }
    expect(await facts(stores())).toEqual([before, { tenant_id: b, days: 20, waits: 2_000 }, { tenant_id: c, days: 2, waits: 20 }])

    // The days of one are not those of the other, in one statement.
    await load(stores(), b, [visit(5, 2, 200)])
    await load(stores(), c, [visit(149, 2, 30)])
    expect(await refreshFacts(stores())).toMatchObject({ marks: 2, days: 4 })
    expect(await facts(stores())).toEqual([before, { tenant_id: b, days: 20, waits: 2_100 }, { tenant_id: c, days: 2, waits: 40 }])
    for (const tenant_id of tenants) expect(await verifyTenant(stores().warehouse, stores().models, tenant_id)).toEqual([])
  })

  test('a sweep leaves the published facts and the marks that are not settled, and nothing else', async () => {
    await load(stores(), c, [visit(149, 3, 50)])
    const { generation } = await refreshFacts(stores())
    await load(stores(), c, [visit(3, 2, 70)])
    const before = await facts(stores())
    await collectSuperseded(stores().warehouse, stores().models, generation)
    expect(await facts(stores())).toEqual(before)
    expect(await read(stores(), 'SELECT tenant_id, toString(anchor_day) AS anchor_day FROM touched_days')).toEqual([
      { tenant_id: c, anchor_day: '2026-08-04' },
    ])
    expect(await read(stores(), 'SELECT toUInt32(count()) AS n FROM fact_queues_generations')).toEqual([{ n: 172 }])
    expect(await refreshFacts(stores())).toMatchObject({ marks: 1, days: 2 })
    expect(await verifyTenant(stores().warehouse, stores().models, c)).toEqual([])
  })
})
