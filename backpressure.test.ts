/** A full disk and a warehouse that is away make ingest wait: it loses nothing, and nothing piles up meanwhile. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { openSource, openStores, readiness, sourceRun, type Stores } from './app.ts'
import { normalizeConfig } from './config.ts'
import { DiskGuard } from './ingest/disk-guard.ts'
import { Loader } from './ingest/loader.ts'
import { runForever } from './ingest/run-source.ts'
import type { Batch, Source } from './ingest/source.ts'
import { createPretendSource } from './ingest/sources/pretend.ts'
import { PretendTestServer, testItem, TOKEN } from './ingest/sources/pretend-test-server.ts'
import { openLog } from './log.ts'
import { CallhouseError } from './errors.ts'
import { warehouseRecordStore } from './ingest/warehouse-record-store.ts'

const START_MS = Date.UTC(2026, 10, 20)
const MINUTE_MS = 60_000
const data = mkdtempSync(join(tmpdir(), 'callhouse-backpressure-'))
let free = 50
let stores: Stores
beforeAll(async () => {
  stores = await openStores(normalizeConfig({ data, log_level: 'silent' }), { statfs: async () => ({ bavail: free, blocks: 100 }) })
})
afterAll(async () => {
  await stores.close()
  rmSync(data, { recursive: true, force: true })
})

/** A clock that only sleeping moves, and what there is to say of each minute it comes to. */
const clock = { now_ms: START_MS, at: [] as { ms: number; then: () => void }[] }
beforeEach(() => {
  free = 50
  clock.now_ms = START_MS
  clock.at = []
})
async function sleep(ms: number): Promise<void> {
  await new Promise(setImmediate)
  clock.now_ms += ms
  for (const due of clock.at.filter((each) => each.ms <= clock.now_ms)) due.then()
  clock.at = clock.at.filter((each) => each.ms > clock.now_ms)
}
const after = (ms: number, then: () => void): void => void clock.at.push({ ms: START_MS + ms, then })

const BATCHES = 20
const PER_BATCH = 50

/** Twenty batches from wherever the checkpoint stands; counts how many were made and never loaded. */
function counting(): { source: Source; made: () => number; passes: () => number } {
  let made = 0
  let passes = 0
  const source: Source = {
    kind: 'test',
    entities: ['queue_visits'],
    async *pull(context) {
      passes += 1
      for (let at = ((await context.checkpoint('s')) as number | undefined) ?? 0; at < BATCHES; at++) {
        made += 1
        yield batchOf(at)
      }
    },
  }
  return { source, made: () => made, passes: () => passes }
}

function batchOf(at: number): Batch {
  const records = Array.from({ length: PER_BATCH }, (_, n): Batch['records'][number] => ({
    entity: 'queue_visits',
    record: {
      native_id: `${at}/${n}`,
      anchor_at: START_MS,
      version: 1,
      call_id: 'c',
      queue_id: 'q',
      entered_at: START_MS + at * 1000,
      outcome: 'closed',
    },
  }))
  return { stream: 's', inputs: PER_BATCH, records, rejects: [], checkpoint: at + 1 }
}

async function stored(tenant: string): Promise<{ rows: number; copies: number }> {
  const result = await stores.warehouse.query({
    query: `SELECT (SELECT toUInt32(count()) FROM queue_visits FINAL WHERE tenant_id = {tenant:String}) AS rows,
      (SELECT toUInt32(count()) FROM queue_visits WHERE tenant_id = {tenant:String}) AS copies`,
    query_params: { tenant },
    format: 'JSONEachRow',
  })
  return (await result.json<{ rows: number; copies: number }>())[0]!
}

async function runOf(tenant: string, source: Source, end: AbortController) {
  const [settings] = normalizeConfig({ sources: [{ id: 's', tenant, kind: 'asterisk', path: '/nowhere' }] }).sources
  const open = { ...(await openSource(stores, settings!)), source }
  return { ...sourceRun(stores, open, openLog('silent'), end.signal), now: () => clock.now_ms, sleep }
}

test('a disk under 10 % free makes the runner wait where it is, and it goes on by itself', async () => {
  const end = new AbortController()
  const said: string[] = []
  const log = { warn: (_: object, message: string) => void said.push(message), info: (_: object, message: string) => void said.push(message) }
  const guard = new DiskGuard(data, { statfs: async () => ({ bavail: free, blocks: 100 }), now: () => clock.now_ms, sleep, log })
  const { source, made, passes } = counting()
  const run = { ...(await runOf('disk', source, end)), admit: (signal: AbortSignal) => guard.admit(signal) }
  let loaded = 0
  const onBatch = (): void => {
    loaded += 1
    clock.now_ms += 10_000
    if (loaded === 5) free = 9
  }
  // Full after the fifth batch; just above 10 % is not yet enough to go on.
  after(10 * MINUTE_MS, () => {
    expect({ made: made(), loaded }).toEqual({ made: 6, loaded: 5 })
    expect(guard.paused).toBe(true)
    free = 10.5
  })
  after(20 * MINUTE_MS, () => {
    expect({ made: made(), loaded }).toEqual({ made: 6, loaded: 5 })
    free = 30
  })
  await runForever({ ...run, onBatch }, { pause_ms: () => 1_000, onPass: () => end.abort() })
  expect({ made: made(), loaded, passes: passes(), paused: guard.paused }).toEqual({ made: BATCHES, loaded: BATCHES, passes: 1, paused: false })
  expect(await stored('disk')).toEqual({ rows: BATCHES * PER_BATCH, copies: BATCHES * PER_BATCH })
  expect(clock.now_ms).toBeGreaterThan(START_MS + 20 * MINUTE_MS)
  expect(said).toHaveLength(2)
})

test('stopped while it waits, it loads nothing more and ends', async () => {
  const end = new AbortController()
  const guard = new DiskGuard(data, {
    statfs: async () => ({ bavail: 1, blocks: 100 }),
    now: () => clock.now_ms,
    sleep,
    log: openLog('silent'),
  })
  const { source, made } = counting()
  after(MINUTE_MS, () => end.abort())
  await runForever({ ...(await runOf('stopped', source, end)), admit: (signal) => guard.admit(signal) }, { pause_ms: () => 1_000 })
  expect(made()).toBe(0)
})

test('a full disk is said by /readyz and by a metric, and reads are served all the same', async () => {
  free = 4
  const report = await readiness(stores)
  expect(report).toEqual({
    ready: true,
    checks: { warehouse: 'ok', control: 'ok', disk: 'ingest is paused: 4.0 % of the disk is free, it goes on at 11.0 %' },
  })
  const figures = await stores.metrics.registry.metrics()
  expect(figures).toContain('cdr_ingest_paused 1')
  expect(figures).toContain('cdr_disk_free_ratio 0.04')
})

test('a disk that cannot be asked stops nothing', async () => {
  const guard = new DiskGuard('/nowhere', { sleep, log: openLog('silent') })
  await guard.admit(new AbortController().signal)
  expect(guard.paused).toBe(false)
})

test('while a batch cannot be stored, a source reads no further ahead than its bound', async () => {
  const server = await new PretendTestServer().start()
  try {
    const items = Array.from({ length: 400 }, (_, n) => testItem(`u${n}`, Date.UTC(2026, 1, 1) + n, { user_id: `u${n}`, name: 'Ann' }))
    server.put('users', ...items)
    const options = { url: server.url, token: TOKEN, streams: ['users' as const], page_size: 5, pull: { pages_ahead: 4 } }
    const source = createPretendSource(options)
    const end = new AbortController()
    let open!: () => void
    const opened = new Promise<void>((resolve) => (open = resolve))
    let held = 0
    const admit = async (): Promise<void> => {
      // The first call is the pass's own; the third is the second batch's.
      if (++held === 3) await opened
    }
    const running = runForever({ ...(await runOf('ahead', source, end)), admit }, { pause_ms: () => 1_000, onPass: () => end.abort() })
    await vi.waitFor(() => expect(held).toBe(3))
    const bound = 1 + 4 + 4 + 4 + 2
    for (let turn = 0; turn < 2_000; turn++) await new Promise(setImmediate)
    // The account, two batches of at most four pages, four pages ahead, and what is on its way: of 80 pages.
    expect(server.requests.length).toBeLessThanOrEqual(bound)
    open()
    await running
    const result = await stores.warehouse.query({
      query: `SELECT toUInt32(count()) AS rows FROM users FINAL WHERE tenant_id = 'ahead'`,
      format: 'JSONEachRow',
    })
    expect(await result.json()).toEqual([{ rows: 400 }])
  } finally {
    await server.stop()
  }
})

test('a warehouse that is away for ten minutes costs repeated passes, further and further apart, and nothing else', async () => {
  const end = new AbortController()
  const away = { from_ms: START_MS + MINUTE_MS, to_ms: START_MS + 11 * MINUTE_MS }
  let refused = 0
  const flaky = new Proxy(stores.warehouse, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target)
      if (typeof value !== 'function') return value
      return (...given: unknown[]): unknown => {
        if (clock.now_ms >= away.from_ms && clock.now_ms < away.to_ms) {
          refused += 1
          throw new CallhouseError('warehouse_unavailable', 'refused')
        }
        return Reflect.apply(value, target, given)
      }
    },
  })
  const { source, made, passes } = counting()
  const run = { ...(await runOf('away', source, end)), loader: new Loader(warehouseRecordStore(flaky)) }
  let loaded = 0
  const onBatch = (): void => {
    loaded += 1
    // Nothing is held beyond the batch under way: what was made is loaded, or was refused with its pass.
    expect(made() - loaded).toBe(refused)
    clock.now_ms += 10_000
  }
  await runForever({ ...run, onBatch }, { pause_ms: () => 1_000, onPass: () => end.abort() })
  expect(loaded).toBe(BATCHES)
  expect(made()).toBe(BATCHES + refused)
  // 1 s, 2 s, 4 s … 300 s: a handful of tries in ten minutes.
  expect(refused).toBe(passes() - 1)
  expect(refused).toBeGreaterThan(5)
  expect(refused).toBeLessThan(15)
  expect((await stored('away')).rows).toBe(BATCHES * PER_BATCH)
})
