/**
 * The simulation is worth as much as its stores are like the real ones: the
 * same calls, made to the warehouse in memory and to the real engine, are
 * answered alike, and both make the same facts of the same rows.
 *
 * 2 histories in an ordinary run, 25 with CI=true, 200 with CALLHOUSE_SOAK=1.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Random } from '../fixtures/random.ts'
import { EncodedBatch } from '../ingest/encode-batch.ts'
import { Loader, type LoadStep } from '../ingest/loader.ts'
import type { RecordStore } from '../ingest/record-store.ts'
import { readPretendPage } from '../ingest/sources/pretend-items.ts'
import { warehouseRecordStore } from '../ingest/warehouse-record-store.ts'
import { migrateWarehouse } from '../sql/migrate-warehouse.ts'
import { openWarehouse, type Warehouse } from '../sql/warehouse.ts'
import type { FactStore } from '../transform/fact-store.ts'
import { loadModels } from '../transform/load-models.ts'
import { refreshFacts, type RefreshStep } from '../transform/refresh.ts'
import { warehouseFactStore } from '../transform/warehouse-fact-store.ts'
import { comparable, models } from './fact-models.ts'
import { MemoryGenerations } from './memory-control.ts'
import { MemoryWarehouse } from './memory-warehouse.ts'
import { checkFacts } from './promises.ts'
import { Telco, type Version } from './telco.ts'
import { truthOf } from './truth.ts'
import { START_MS } from './world.ts'

const count = process.env['CALLHOUSE_SOAK'] === '1' ? 200 : process.env['CI'] ? 25 : 2
const realModels = loadModels().filter(({ fact }) => models.some((model) => model.fact === fact))

const folder = mkdtempSync(join(tmpdir(), 'callhouse-contract-'))
let warehouse: Warehouse
let real: RecordStore & FactStore
const memory = new MemoryWarehouse()

beforeAll(async () => {
  warehouse = await openWarehouse({ database: 'callhouse', path: folder })
  await migrateWarehouse(warehouse)
  real = { ...warehouseRecordStore(warehouse), ...warehouseFactStore(warehouse) }
})
afterAll(async () => {
  await warehouse.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Each store with a loader, generations and models of its own, in the same state. */
const sides = () => [
  { store: real, models: realModels, generations: generations.real },
  { store: memory, models, generations: generations.memory },
]
const generations = { real: new MemoryGenerations(), memory: new MemoryGenerations() }

class Crash extends Error {}
const crashAfter =
  <Step>(step: Step | undefined) =>
  (reached: Step): void => {
    if (reached === step) throw new Crash()
  }
const loadSteps: LoadStep[] = ['dead_letters', 'day_reach', 'core', 'touched_days', 'coverage']
const refreshSteps: RefreshStep[] = ['generation_taken', 'marks_read', 'built', 'published', 'settled']

test.each(Array.from({ length: count }, (_, n) => n + 1))('history %i is the same in both', { timeout: 120_000 }, async (seed) => {
  const random = new Random(seed, 8010)
  const target = { tenant_id: `t${seed}`, source_id: 'phone' }
  const telco = new Telco(new Random(seed, 8011), { records: 12, active_ms: 3_600_000, skew_ms: 0, late_commits: true, bad_items: true })
  const all = shuffled(random, [...telco.versions, ...telco.versions.filter(() => random.chance(0.3))])
  for (let at = 0; at < all.length;) {
    const some = all.slice(at, at + random.int(1, 8))
    at += some.length
    const now_ms = START_MS + at * 1000
    const load_crash = random.chance(0.3) ? random.pick(loadSteps) : undefined
    const covered = random.chance(0.3)
    for (const { store } of sides()) {
      const loader = new Loader(store, { now: () => now_ms, newId: () => `${seed}-${at}`, after: crashAfter(load_crash) })
      await succeeds(() => loader.load(batchOf(some, covered ? now_ms : undefined), target))
    }
    if (load_crash !== undefined) at -= some.length
    await expectAlike(target)
    if (random.chance(0.5)) {
      const after = crashAfter(random.chance(0.3) ? random.pick(refreshSteps) : undefined)
      for (const { store, ...rest } of sides()) await succeeds(() => refreshFacts({ facts: store, ...rest }, { after }))
      await expectAlike(target)
    }
  }
  for (const { store, ...rest } of sides()) await refreshFacts({ facts: store, ...rest })
  await expectAlike(target)
  checkFacts(await publishedFacts(target.tenant_id), truthOf(telco))
})

test('a block is held once all of its rows are, with the time it gave them', async () => {
  const target = { tenant_id: 'held', source_id: 'phone' }
  const at = '2026-11-30 00:00:00.123'
  const block = (...items: [id: string, day: string, version?: number][]) => {
    const batch = new EncodedBatch({ ...target, observed_at: at })
    for (const [native_id, day, version = 1] of items) {
      const fields = { queue_id: 'q', call_id: native_id, outcome: 'abandoned' as const, entered_at: `${day}T09:00:00Z` }
      batch.add({ entity: 'queue_visits', record: { native_id, anchor_at: `${day}T09:00:00Z`, version, ...fields } })
    }
    const { rows: buffer } = batch.tables.get('queue_visits')!
    return { tsv: buffer.toBuffer(), rows: buffer.rows }
  }
  const november = block(['a', '2026-11-30'], ['a', '2026-11-30', 2], ['b', '2026-11-29'])
  const both = block(['a', '2026-11-30'], ['a', '2026-11-30', 2], ['b', '2026-11-29'], ['c', '2026-12-01'])
  for (const { store } of sides()) {
    const holds = (of: typeof both, observed_at = at): Promise<boolean> => store.holdsRows('queue_visits', of, { ...target, observed_at })
    expect(await holds(november)).toBe(false)
    await store.addRows('queue_visits', november)
    expect(await holds(november)).toBe(true)
    expect(await holds(november, '2026-11-30 00:00:00.124')).toBe(false)
    // A kill between two months' parts leaves one of them.
    expect(await holds(both)).toBe(false)
    await store.addRows('queue_visits', both)
    expect(await holds(block(['a', '2026-11-30', 3], ['b', '2026-11-29'], ['c', '2026-12-01']))).toBe(false)
  }
})

test('all histories', (context) => {
  if (count < 25) context.skip(`${count} histories here; 25 run with CI=true and 200 with CALLHOUSE_SOAK=1`)
})

function batchOf(versions: Version[], covered_to_ms: number | undefined) {
  const pages = versions.map(({ stream, item }) =>
    readPretendPage(JSON.stringify({ items: [item], next_cursor: null, as_of: '2026-12-01T00:00:00.000Z' }), stream, 'http://telco.test'),
  )
  const coverage = covered_to_ms === undefined ? [] : [{ entity: 'queue_visits' as const, from_ms: 0, to_ms: covered_to_ms }]
  const records = pages.flatMap((page) => page.records)
  return { stream: 's', inputs: versions.length, records, rejects: pages.flatMap((page) => page.rejects), checkpoint: null, coverage }
}

/** Everything that a store can be asked gives the same answer on both sides. */
async function expectAlike({ tenant_id, source_id }: { tenant_id: string; source_id: string }): Promise<void> {
  const answers = await Promise.all(
    sides().map(async ({ store }) => {
      const marks = (await store.unsettledMarks()).filter((mark) => mark.tenant_id === tenant_id)
      const coverage = (await store.unpublishedCoverage()).filter((row) => row.tenant_id === tenant_id)
      const anchors = marks.map(({ entity, anchor_day }) => ({ tenant_id, entity, anchor_day }))
      return {
        marks: marks.map((mark) => Object.values(mark).sort().join(' ')).sort(),
        coverage: coverage.map((row) => [row.entity, row.covered_from, row.covered_to, String(row.version)].join(' ')).sort(),
        covered: [...(await store.coveredEntities({ tenant_id, source_id }))].sort(),
        days: (await store.daysReached(anchors)).map(({ entity, day }) => `${entity} ${day}`).sort(),
      }
    }),
  )
  expect(answers[1]).toEqual(answers[0])
  expect(memoryRows(tenant_id)).toEqual(await storedRows(tenant_id))
  expect(memoryLetters(tenant_id)).toEqual(await storedLetters(tenant_id))
  expect(memoryFacts(tenant_id)).toEqual(await publishedFacts(tenant_id))
}

async function ask<Row>(query: string, tenant_id: string): Promise<Row[]> {
  return (await warehouse.query({ query, query_params: { tenant_id }, format: 'JSONEachRow' })).json<Row>()
}

async function storedRows(tenant_id: string): Promise<string[]> {
  const visits = 'SELECT native_id FROM queue_visits FINAL WHERE tenant_id = {tenant_id:String}'
  const states = 'SELECT native_id FROM agent_states FINAL WHERE tenant_id = {tenant_id:String}'
  return (await ask<{ native_id: string }>(`${visits} UNION ALL ${states}`, tenant_id)).map(({ native_id }) => native_id).sort()
}

function memoryRows(tenant_id: string): string[] {
  const rows = [...memory.core('queue_visits').final(), ...memory.core('agent_states').final()]
  const own = rows.filter(({ columns }) => columns['tenant_id'] === tenant_id)
  return own.map(({ columns }) => columns['native_id']!).sort()
}

async function storedLetters(tenant_id: string): Promise<string[]> {
  const rows = await ask<{ position: string }>('SELECT position FROM dead_letters FINAL WHERE tenant_id = {tenant_id:String}', tenant_id)
  return rows.map(({ position }) => position).sort()
}

function memoryLetters(tenant_id: string): string[] {
  const own = [...memory.deadLetters.final()].filter((letter) => letter.tenant_id === tenant_id)
  return own.map(({ position }) => position).sort()
}

async function publishedFacts(tenant_id: string): Promise<Map<string, string>> {
  const queues = await ask<{ bucket: string; queue_id: string }>(
    `SELECT formatDateTime(bucket_start, '%Y-%m-%d %H:%i', 'UTC') AS bucket, queue_id, toUInt32(offered) AS offered, toUInt32(refused) AS refused,
      toUInt32(waiting) AS waiting, toUInt32(answered) AS answered, toUInt32(abandoned) AS abandoned, toFloat64(talk_ms) AS talk_ms, answered_waits_ms
      FROM fact_queues WHERE tenant_id = {tenant_id:String}`,
    tenant_id,
  )
  const agents = await ask<{ on: string; agent_id: string; queue_id: string }>(
    `SELECT toString(day) AS on, agent_id, queue_id, toUInt32(sum(handled)) AS handled, toFloat64(sum(handled_talk_ms)) AS handled_talk_ms,
      toFloat64(sum(available_ms)) AS available_ms, toFloat64(sum(talking_ms)) AS talking_ms, toFloat64(sum(paused_ms)) AS paused_ms
      FROM fact_agents WHERE tenant_id = {tenant_id:String} GROUP BY day, agent_id, queue_id`,
    tenant_id,
  )
  return comparable([
    ...queues.map(({ bucket, queue_id, ...values }) => ({ key: `fact_queues ${bucket} ${queue_id}`, values: values })),
    ...agents.map(({ on, agent_id, queue_id, ...values }) => ({
      key: `fact_agents ${on} ${agent_id} ${queue_id}`,
      values: values,
    })),
  ])
}

function memoryFacts(tenant_id: string): Map<string, string> {
  const days = [...memory.publishedDays.winners()].filter((day) => day.tenant_id === tenant_id)
  return comparable(days.flatMap(({ fact, day }) => memory.publishedDay(fact, tenant_id, day)?.rows ?? []))
}

async function succeeds(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (thrown) {
    if (!(thrown instanceof Crash)) throw thrown
  }
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const list = [...items]
  for (let at = list.length - 1; at > 0; at--) {
    const other = random.int(0, at)
    ;[list[at], list[other]] = [list[other]!, list[at]!]
  }
  return list
}
