/** Facts equal a recompute, whatever order, however often, and wherever it crashes in between. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Stores } from './app.ts'
import { Loader, type LoadStep } from './ingest/loader.ts'
import type { CanonicalRecord } from './ingest/records/index.ts'
import type { Batch } from './ingest/source.ts'
import { onBothModes } from './modes.suite.ts'
import { refreshFacts, type RefreshOptions, type RefreshStep } from './transform/refresh.ts'
import { splitIdentities, verifyTenant } from './transform/verify.ts'
import { warehouseRecordStore } from './ingest/warehouse-record-store.ts'

const HOUR_MS = 3_600_000
const START_MS = Date.UTC(2026, 10, 20)
let tenants = 0

/** One version of one visit, as some source might say it. */
interface Version {
  id: number
  version: number
  entered_hour: number
  queue: string
  outcome: 'waiting' | 'answered' | 'abandoned' | 'closed'
  wait_ms: number
  is_deleted: boolean
}

const versions = fc.record({
  id: fc.integer({ min: 0, max: 7 }),
  version: fc.integer({ min: 1, max: 6 }),
  // Five days: records move to other hours and other days.
  entered_hour: fc.integer({ min: 0, max: 119 }),
  queue: fc.constantFrom('sales', 'support'),
  outcome: fc.constantFrom('waiting', 'answered', 'abandoned', 'closed'),
  wait_ms: fc.integer({ min: 0, max: 90_000 }),
  is_deleted: fc.boolean().map((flag) => flag),
}) as fc.Arbitrary<Version>

/** Anchored where the visit first stood, by its id alone, as a source must. */
function recordOf(v: Version): CanonicalRecord {
  const entered_ms = START_MS + v.entered_hour * HOUR_MS
  return {
    entity: 'queue_visits',
    record: {
      native_id: `v${v.id}`,
      anchor_at: START_MS + v.id * 12 * HOUR_MS,
      version: v.version,
      is_deleted: v.is_deleted,
      call_id: `c${v.id}`,
      queue_id: v.queue,
      entered_at: entered_ms,
      answered_at: v.outcome === 'answered' ? entered_ms + v.wait_ms : null,
      exited_at: v.outcome === 'abandoned' ? entered_ms + v.wait_ms : null,
      outcome: v.outcome,
      wait_ms: v.wait_ms,
      agent_id: v.outcome === 'answered' ? 'ann' : '',
    },
  }
}

function batchOf(list: Version[]): Batch {
  return { stream: 'queue_visits', inputs: list.length, records: list.map(recordOf), rejects: [], checkpoint: null }
}

/** The truth, folded here and not by the warehouse: per bucket and queue, of the winning versions. */
function truthOf(list: Version[]): Map<string, [offered: number, answered: number, abandoned: number, waits: number[]]> {
  const winners = new Map<number, Version>()
  for (const v of list) if (!winners.has(v.id) || winners.get(v.id)!.version < v.version) winners.set(v.id, v)
  const truth = new Map<string, [number, number, number, number[]]>()
  for (const v of winners.values()) {
    if (v.is_deleted) continue
    const key = `${(START_MS + v.entered_hour * HOUR_MS) / 1000}/${v.queue}`
    const at = truth.get(key) ?? [0, 0, 0, []]
    truth.set(key, at)
    if (v.outcome !== 'closed') at[0] += 1
    if (v.outcome === 'answered') at[1] += 1
    if (v.outcome === 'abandoned') at[2] += 1
    if (v.outcome === 'answered') at[3].push(v.wait_ms)
  }
  for (const at of truth.values()) at[3].sort((a, b) => a - b)
  return truth
}

async function factsOf(stores: Stores, tenant_id: string): Promise<ReturnType<typeof truthOf>> {
  const result = await stores.warehouse.query({
    query: `SELECT toUnixTimestamp(bucket_start) AS at, queue_id, toUInt32(offered) AS o, toUInt32(answered) AS a, toUInt32(abandoned) AS b, answered_waits_ms AS w
      FROM fact_queues WHERE tenant_id = {tenant_id:String}`,
    query_params: { tenant_id },
    format: 'JSONEachRow',
  })
  const rows = await result.json<{ at: number; queue_id: string; o: number; a: number; b: number; w: number[] }>()
  return new Map(rows.map(({ at, queue_id, o, a, b, w }) => [`${at}/${queue_id}`, [o, a, b, w]]))
}

/** Two different contents under one id and version have no single truth outside the hash; each run gives every version one content. */
const histories = fc
  .uniqueArray(versions, { minLength: 1, maxLength: 25, selector: (v) => `${v.id}/${v.version}` })
  .chain((unique) =>
    fc.tuple(fc.constant(unique), fc.shuffledSubarray([...unique, ...unique], { minLength: unique.length, maxLength: unique.length * 2 })),
  )
  .map(([unique, extra]) => ({ unique, delivered: [...extra, ...unique] }))

class Crash extends Error {}
const loadSteps: LoadStep[] = ['dead_letters', 'day_reach', 'core', 'touched_days', 'coverage']
const refreshSteps: RefreshStep[] = ['generation_taken', 'marks_read', 'built', 'published', 'settled']
const crashAt =
  <S>(step: S) =>
  (reached: S): void => {
    if (reached === step) throw new Crash()
  }

onBothModes('facts', (stores) => {
  test('facts equal the truth and a recompute after any mix of duplicate, late, reordered, moved and deleted records', async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.integer({ min: 1, max: 9 }), async ({ unique, delivered }, size) => {
        const tenant_id = `t${tenants++}`
        const loader = new Loader(warehouseRecordStore(stores().warehouse))
        for (let at = 0; at < delivered.length; at += size) {
          await loader.load(batchOf(delivered.slice(at, at + size)), { tenant_id, source_id: 's' })
          if (at % 2 === 0) await refreshFacts(stores())
        }
        await refreshFacts(stores())
        expect(await factsOf(stores(), tenant_id)).toEqual(truthOf(unique))
        expect(await verifyTenant(stores().warehouse, stores().models, tenant_id)).toEqual([])
      }),
      { numRuns: 15, seed: 20261123 },
    )
  }, 120_000)

  test.each(loadSteps)('a crash after %s loses nothing and counts nothing twice', async (step) => {
    const tenant_id = `t${tenants++}`
    const target = { tenant_id, source_id: 's' }
    const first = { id: 1, version: 1, entered_hour: 2, queue: 'sales', outcome: 'answered', wait_ms: 1000, is_deleted: false } as const
    const moved = { ...first, version: 2, entered_hour: 50, queue: 'support', wait_ms: 2000 }
    await new Loader(warehouseRecordStore(stores().warehouse)).load(batchOf([first]), target)
    await refreshFacts(stores())
    await expect(new Loader(warehouseRecordStore(stores().warehouse), { after: crashAt(step) }).load(batchOf([moved]), target)).rejects.toThrow(Crash)
    await refreshFacts(stores())
    // The checkpoint was never saved, so a new process delivers the batch again.
    await new Loader(warehouseRecordStore(stores().warehouse)).load(batchOf([moved]), target)
    await refreshFacts(stores())
    expect(await factsOf(stores(), tenant_id)).toEqual(truthOf([first, moved]))
    expect(await verifyTenant(stores().warehouse, stores().models, tenant_id)).toEqual([])
  })

  test.each(refreshSteps)('a refresh that crashes after %s is made good by the next', async (step) => {
    const tenant_id = `t${tenants++}`
    const target = { tenant_id, source_id: 's' }
    const first = { id: 1, version: 1, entered_hour: 2, queue: 'sales', outcome: 'waiting', wait_ms: 1000, is_deleted: false } as const
    const gone = { ...first, version: 2, is_deleted: true }
    await new Loader(warehouseRecordStore(stores().warehouse)).load(batchOf([first]), target)
    await refreshFacts(stores())
    await new Loader(warehouseRecordStore(stores().warehouse)).load(batchOf([gone]), target)
    await expect(refreshFacts(stores(), { after: crashAt(step) })).rejects.toThrow(Crash)
    await refreshFacts(stores())
    expect(await factsOf(stores(), tenant_id)).toEqual(new Map())
  })

  test('of two refreshes that overlap, one that saw less never has the last word', async () => {
    const tenant_id = `t${tenants++}`
    const target = { tenant_id, source_id: 's' }
    const first = { id: 1, version: 1, entered_hour: 2, queue: 'sales', outcome: 'waiting', wait_ms: 1000, is_deleted: false } as const
    const answered = { ...first, version: 2, outcome: 'answered' } as const
    const refresh = (options: RefreshOptions): Promise<unknown> => refreshFacts(stores(), options)
    await new Loader(warehouseRecordStore(stores().warehouse)).load(batchOf([first]), target)

    // The later refresh builds from the first version and then sleeps; the earlier one sees both versions, and publishes.
    let wake = (): void => undefined
    const asleep = new Promise<void>((resolve) => (wake = resolve))
    let built = (): void => undefined
    const hasBuilt = new Promise<void>((resolve) => (built = resolve))
    let later: Promise<unknown> | undefined
    await refresh({
      after: async (step) => {
        if (step !== 'generation_taken') return
        later = refresh({
          after: async (reached) => {
            if (reached !== 'built') return
            built()
            await asleep
          },
        })
        await hasBuilt
        await new Loader(warehouseRecordStore(stores().warehouse)).load(batchOf([answered]), target)
      },
    })
    wake()
    await later
    await refresh({})
    expect(await factsOf(stores(), tenant_id)).toEqual(truthOf([first, answered]))
  })

  test('a record that does not fit becomes a dead letter beside the ones that do', async () => {
    const tenant_id = `t${tenants++}`
    const good = { id: 1, version: 1, entered_hour: 2, queue: 'sales', outcome: 'answered', wait_ms: 1000, is_deleted: false } as const
    const batch = batchOf([good, { ...good, id: 2, wait_ms: -5 }])
    const again = { tenant_id, source_id: 's' }
    expect(await new Loader(warehouseRecordStore(stores().warehouse)).load(batch, again)).toEqual({ accepted: 1, rejected: 1, rows: 1 })
    await new Loader(warehouseRecordStore(stores().warehouse)).load(batch, again)
    const letters = await stores().warehouse.query({
      query: 'SELECT position, code, reason, payload FROM dead_letters FINAL WHERE tenant_id = {tenant_id:String}',
      query_params: { tenant_id },
      format: 'JSONEachRow',
    })
    const rows = await letters.json<{ position: string; code: string; reason: string; payload: string }>()
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({ position: 'queue_visits/v2@1', code: 'field_invalid', reason: 'wait_ms is not between 0 and 4294967295' })
    expect(JSON.parse(rows[0]!.payload)).toMatchObject({ native_id: 'v2', wait_ms: -5 })
  })

  test('verify sees a fact that was tampered with, and a source that changed an anchor', async () => {
    const tenant_id = `t${tenants++}`
    const target = { tenant_id, source_id: 's' }
    const visit = { id: 1, version: 1, entered_hour: 2, queue: 'sales', outcome: 'answered', wait_ms: 1000, is_deleted: false } as const
    const loader = new Loader(warehouseRecordStore(stores().warehouse))
    await loader.load(batchOf([visit]), target)
    const { generation } = await refreshFacts(stores())
    await stores().warehouse.command({
      query: `INSERT INTO fact_queues_generations (tenant_id, day, generation, bucket_start, queue_id, offered)
      VALUES ({tenant_id:String}, '2026-11-20', {generation:UInt64}, '2026-11-20 05:00:00', 'ghost', 1)`,
      query_params: { tenant_id, generation },
    })
    expect(await verifyTenant(stores().warehouse, stores().models, tenant_id)).toMatchObject([
      { fact: 'fact_queues', day: '2026-11-20', published: { rows: 2 }, recomputed: { rows: 1 } },
    ])
    // A record that the day map does not know of is still found.
    await stores().warehouse.command({
      query: `INSERT INTO queue_visits (tenant_id, source_id, native_id, anchor_day, version, queue_id, entered_at, outcome)
      VALUES ({tenant_id:String}, 's', 'unmapped', '2026-11-23', 1, 'sales', '2026-11-23 09:00:00', 'abandoned')`,
      query_params: { tenant_id },
    })
    expect(await verifyTenant(stores().warehouse, stores().models, tenant_id)).toMatchObject([
      { day: '2026-11-20' },
      { day: '2026-11-23', published: null },
    ])
    const lying = batchOf([{ ...visit, version: 2 }])
    lying.records[0]!.record.anchor_at = START_MS + 100 * 24 * HOUR_MS
    await loader.load(lying, target)
    expect(await splitIdentities(stores().warehouse, ['queue_visits'], tenant_id)).toEqual([{ tenant_id, entity: 'queue_visits', records: 1 }])
  })
})
