/** The REST source end to end: a real server, its faults, and crashes at any point. */
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { EntityName } from '../records/index.ts'
import type { Batch, Source } from '../source.ts'
import { testContext, type TestContext } from '../test-context.ts'
import { createPretendSource, type PretendOptions } from './pretend.ts'
import { PretendTestServer, testItem, TOKEN, type TestItem } from './pretend-test-server.ts'

const server = new PretendTestServer()
const T0 = Date.UTC(2026, 1, 1)
const MINUTE = 60_000

beforeAll(async () => void (await server.start()))
afterAll(() => server.stop())
beforeEach(() => reset())

function reset(): void {
  server.requests.length = 0
  server.lists.clear()
  server.fault = () => undefined
  server.token = TOKEN
  server.cursors_expire_before = -1
  server.now_ms = Date.UTC(2026, 2, 1)
}

function source(options: Partial<PretendOptions> = {}): Source {
  return createPretendSource({
    url: server.url,
    token: TOKEN,
    page_size: 10,
    http: { timeout_ms: 2_000, random: () => 0 },
    pull: { pages_ahead: 1 },
    ...options,
  })
}

/** What a runner does; a crash is a batch that is not loaded, or loaded without its checkpoint being saved. */
async function run(
  from: Source,
  context: TestContext,
  loaded: Map<string, Batch['records'][number]>,
  crash_at = Infinity,
  is_crash_early = false,
): Promise<Batch[]> {
  const batches: Batch[] = []
  for await (const batch of from.pull(context)) {
    if (batches.length === crash_at && is_crash_early) break
    for (const item of batch.records) {
      const key = `${item.entity}/${item.record.native_id}`
      if (item.record.version >= (loaded.get(key)?.record.version ?? 0)) loaded.set(key, item)
    }
    if (batches.length === crash_at) break
    context.saved.set(batch.stream, structuredClone(batch.checkpoint))
    batches.push(batch)
  }
  return batches
}

const items = (count: number, prefix = 'c', step_ms = 1_000): TestItem[] =>
  Array.from({ length: count }, (_, n) => testItem(`${prefix}${n}`, T0 + n * step_ms))
const inputsOf = (batches: Batch[]): number => batches.reduce((sum, batch) => sum + batch.inputs, 0)

test('an item becomes a record: identity, anchor, version, tombstone, its own JSON', async () => {
  server.put('calls', testItem('c1', T0, { direction: 'inbound', cost: '0.10' }), testItem('c2', T0 + 1, { deleted: true }))
  server.put('recordings', testItem('r/1', T0, { call_id: 'c1', uri: 's3://elsewhere' }))
  server.put('messages', testItem('m1', T0, { body: 'hello Bob', status: 'sent' }))
  const loaded = new Map<string, Batch['records'][number]>()
  await run(source(), testContext(), loaded)
  const call = loaded.get('calls/c1')!.record
  expect(call).toMatchObject({ native_id: 'c1', anchor_at: Date.UTC(2026, 0, 2), version: T0, is_deleted: false, direction: 'inbound' })
  expect(call.payload).toBe(JSON.stringify(testItem('c1', T0, { direction: 'inbound', cost: '0.10' })))
  expect(loaded.get('calls/c2')!.record.is_deleted).toBe(true)
  expect(loaded.get('recordings/r/1')!.record).toMatchObject({ uri: `${server.url}/v1/recordings/r%2F1/audio` })
  expect(JSON.stringify(loaded.get('messages/m1'))).not.toContain('hello Bob')
})

test('what reports need first is pulled first, and progress ends at its total', async () => {
  for (const name of ['charges', 'call_legs', 'calls', 'queues', 'users'] as EntityName[]) server.put(name, ...items(25, name))
  const batches = await run(source({ concurrency: 1 }), testContext(), new Map())
  expect([...new Set(batches.map((batch) => batch.stream))]).toEqual(['users', 'queues', 'calls', 'call_legs', 'charges'])
  expect(batches.at(-1)!.progress).toEqual({ done: 125, total: 125 })
})

test('coverage reaches from the history to the high water; a quiet poll has no inputs but moves it on', async () => {
  server.put(
    'calls',
    ...items(25),
    ...items(3, 'fresh').map((item, n) => ({ ...item, updated_at: new Date(server.now_ms - n * 1_000).toISOString() })),
  )
  const context = testContext()
  const pretend = source()
  const first = await run(pretend, context, new Map())
  expect(inputsOf(first)).toBe(28)
  expect(first.at(-1)!.coverage).toEqual([{ entity: 'calls', from_ms: Date.UTC(2026, 0, 1), to_ms: server.now_ms - 5_000 }])
  server.now_ms += 10_000
  const quiet = await run(pretend, context, new Map())
  expect(quiet).toMatchObject([{ inputs: 0, records: [], rejects: [], coverage: [{ to_ms: server.now_ms - 5_000 }] }])
  expect(server.requests.at(-1)!.updated_since).toBe(new Date(server.now_ms - 10_000 - 5_000 - MINUTE).toISOString())
  // The same update time, other content: handed on.
  server.put('calls', testItem('fresh0', server.now_ms - 10_000, { disposition: 'answered' }))
  expect(await run(pretend, context, new Map())).toMatchObject([{ inputs: 1, records: [{ record: { native_id: 'fresh0' } }] }])
})

test('a batch that failed to load is handed on again by the same source', async () => {
  server.put('calls', testItem('c1', server.now_ms - 1_000))
  const pretend = source()
  const context = testContext()
  await run(pretend, context, new Map(), 0)
  expect(inputsOf(await run(pretend, context, new Map()))).toBe(1)
})

test('a change that is committed late, behind the high water, is still seen', async () => {
  server.put('calls', ...items(5))
  const context = testContext()
  const pretend = source()
  const loaded = new Map<string, Batch['records'][number]>()
  await run(pretend, context, loaded)
  server.put('calls', testItem('late', server.now_ms - 30_000))
  server.now_ms += MINUTE / 2
  await run(pretend, context, loaded)
  expect(loaded.has('calls/late')).toBe(true)
})

test('a change that is committed late while the server makes a pass wait is still seen', async () => {
  // Found by the fault plan: the high water was the time of the last page, though what lay behind the first had last been looked at before the wait.
  const began = server.now_ms
  server.put('calls', ...Array.from({ length: 11 }, (_, n) => testItem(`c${n}`, began - 20_000 + n * 1_000)))
  server.fault = ({ path, cursor }) => {
    if (path !== '/v1/calls' || cursor === null || server.now_ms !== began) return undefined
    server.put('calls', testItem('late', began - 40_000))
    server.now_ms += 10 * MINUTE
    return { kind: 'status', status: 429, headers: { 'retry-after': '600' } }
  }
  const context = testContext()
  const pretend = source()
  const loaded = new Map<string, Batch['records'][number]>()
  await run(pretend, context, loaded)
  expect(server.now_ms).toBe(began + 10 * MINUTE)
  expect(loaded.has('calls/late')).toBe(false)
  await run(pretend, context, loaded)
  expect(loaded.has('calls/late')).toBe(true)
  // And a quiet time later the high water has followed.
  expect(context.saved.get('calls')).toMatchObject({ high_water_ms: server.now_ms - 5_000 })
})

test('items without identity are rejects with a stable position, and the rest of the page is loaded', async () => {
  server.put(
    'calls',
    ...items(3),
    { updated_at: '2026-02-01T00:00:00Z', direction: 'inbound' },
    testItem('', T0),
    testItem('bad', T0, { created_at: 'yesterday' }),
  )
  server.lists.get('calls')!.push(42 as unknown as TestItem, { id: 7 })
  const [one] = await run(source({ page_size: 100 }), testContext(), new Map())
  const [two] = await run(source({ page_size: 100 }), testContext(), new Map())
  expect(one!.records).toHaveLength(3)
  expect(one!.inputs).toBe(one!.records.length + one!.rejects.length)
  expect(one!.rejects.map((reject) => reject.code).toSorted()).toEqual([
    'field_invalid',
    'identity_missing',
    'identity_missing',
    'identity_missing',
    'identity_missing',
  ])
  expect(one!.rejects.every((reject) => /^calls\/[0-9a-f]{64}$/.test(reject.position))).toBe(true)
  expect(two!.rejects.map((reject) => reject.position)).toEqual(one!.rejects.map((reject) => reject.position))
})

describe('faults', () => {
  const all = async (options: Partial<PretendOptions> = {}): Promise<number> => {
    const loaded = new Map<string, Batch['records'][number]>()
    await run(source(options), testContext(), loaded)
    return loaded.size
  }

  test.each(['status', 'reset', 'truncated', 'html'] as const)('every third answer is %s', async (kind) => {
    server.put('calls', ...items(95))
    server.fault = ({ n }) => (n % 3 !== 1 ? undefined : kind === 'status' ? { kind, status: 502 } : { kind })
    expect(await all()).toBe(95)
  })

  test('pages in another order within, duplicated, and items repeated over pages', async () => {
    server.put('calls', ...items(95))
    server.fault = ({ n }) => (n % 2 === 0 ? { kind: 'shuffled' } : undefined)
    expect(await all()).toBe(95)
  })

  test('a page that names itself as the next one, now and then', async () => {
    server.put('calls', ...items(95))
    server.fault = ({ n }) => (n % 4 === 3 ? { kind: 'repeated_cursor' } : undefined)
    expect(await all()).toBe(95)
  })

  test('pages that only ever name themselves end in an error, not in a loop', async () => {
    server.put('calls', ...items(15).map((item) => ({ ...item, updated_at: new Date(T0).toISOString() })), ...items(15, 'd', 0))
    server.fault = ({ cursor }) => (cursor === null ? undefined : { kind: 'repeated_cursor' })
    await expect(all()).rejects.toMatchObject({ code: 'source_garbled' })
    expect(server.requests.length).toBeLessThan(30)
  })

  test('cursors that expire under way', async () => {
    server.put('calls', ...items(95))
    server.fault = ({ n }) => {
      if (n % 5 === 4) server.cursors_expire_before = n
      return undefined
    }
    expect(await all()).toBe(95)
  })

  test('a server that refuses every cursor is still read to its end while time moves on', async () => {
    server.put('calls', ...items(45))
    server.fault = () => void (server.cursors_expire_before = Infinity)
    expect(await all()).toBe(45)
  })

  test('a token revoked under way is final, and what was loaded stays', async () => {
    server.put('calls', ...items(95))
    server.fault = ({ n }) => (n === 4 ? void (server.token = 'another') : undefined)
    const context = testContext()
    const loaded = new Map<string, Batch['records'][number]>()
    await expect(run(source(), context, loaded)).rejects.toMatchObject({ code: 'source_rejected' })
    expect(loaded.size).toBeGreaterThanOrEqual(20)
    server.token = TOKEN
    await run(source(), context, loaded)
    expect(loaded.size).toBe(95)
  })

  test('a checkpoint from the future is healed by listing everything', async () => {
    server.put('calls', ...items(5))
    const context = testContext()
    context.saved.set('calls', { format: 1, high_water_ms: Date.UTC(2999, 11, 31), pass: null })
    const loaded = new Map<string, Batch['records'][number]>()
    await run(source(), context, loaded)
    await run(source(), context, loaded)
    expect(loaded.size).toBe(5)
  })

  test('aborting ends the pull quietly', async () => {
    server.put('calls', ...items(95))
    const stop = new AbortController()
    const context = testContext({ signal: stop.signal })
    server.fault = ({ n }) => (n === 3 ? (stop.abort(), { kind: 'hang' }) : undefined)
    await expect(run(source(), context, new Map())).resolves.toBeDefined()
  })
})

test('a restart in the middle of a long first pull goes on near where it was', async () => {
  server.put('calls', ...items(200))
  const context = testContext()
  const loaded = new Map<string, Batch['records'][number]>()
  await run(source(), context, loaded, 10)
  const size = loaded.size
  expect(size).toBeLessThan(200)
  // The cursors are gone as well.
  server.cursors_expire_before = Infinity
  server.requests.length = 0
  const again = new Map<string, Batch['records'][number]>()
  server.fault = ({ n }) => (n === 2 ? void (server.cursors_expire_before = -1) : undefined)
  await run(source(), context, again)
  for (const [key, item] of again) loaded.set(key, item)
  expect(loaded.size).toBe(200)
  expect(again.size).toBeLessThanOrEqual(200 - size + 30)
})

test('whatever crashes and changes, the loaded records are the server’s', async () => {
  const action = fc.record({
    crash_at: fc.oneof(fc.constant(Infinity), fc.nat(12)),
    is_crash_early: fc.boolean(),
    updates: fc.array(fc.nat(59), { maxLength: 8 }),
    are_cursors_gone: fc.boolean(),
    fault: fc.constantFrom(undefined, 'reset', 'truncated', 'shuffled', 'repeated_cursor', 'html'),
    every: fc.integer({ min: 2, max: 5 }),
    is_new_process: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(0, 1, 1_000),
      async (actions, pages_ahead, step_ms) => {
        reset()
        const names = ['users', 'calls', 'queue_visits'] as const
        for (const name of names) server.put(name, ...items(60, name, step_ms))
        const context = testContext()
        const loaded = new Map<string, Batch['records'][number]>()
        const options = { page_size: 7, pull: { pages_ahead, look_back_ms: 2_000, settling_lag_ms: 1_000 } }
        let pretend = source(options)
        for (const { crash_at, is_crash_early, updates, are_cursors_gone, fault, every, is_new_process } of actions) {
          server.now_ms += 5_000
          for (const n of updates)
            server.put(names[n % 3]!, testItem(`${names[n % 3]}${n}`, server.now_ms - (n % 900), n % 5 === 0 ? { deleted: true } : { n }))
          if (are_cursors_gone) server.cursors_expire_before = server.requests.length
          server.fault = ({ n }) => (fault && n % every === 0 ? { kind: fault } : undefined)
          if (is_new_process) pretend = source(options)
          // A server that repeats its cursors at one place may end a pass; the next one goes on.
          await run(pretend, context, loaded, crash_at, is_crash_early).catch((thrown: unknown) =>
            expect(thrown).toMatchObject({ code: 'source_garbled' }),
          )
        }
        server.fault = () => undefined
        server.now_ms += 5_000
        await run(pretend, context, loaded)
        const truth = names.flatMap((name) => server.lists.get(name)!.map((item) => [`${name}/${String(item['id'])}`, JSON.stringify(item)] as const))
        expect([...loaded].map(([key, { record }]) => [key, record.payload]).toSorted()).toEqual(truth.toSorted())
      },
    ),
    { numRuns: 40 },
  )
}, 120_000)

test.each<[string, Partial<PretendOptions>]>([
  ['url', { url: 'ftp://x' }],
  ['page_size', { page_size: 0 }],
  ['streams', { streams: ['nonsense' as EntityName] }],
  ['history_from', { history_from: 'last year' }],
])('a wrong %s is refused when the source is made', (_, wrong) => {
  expect(() => source(wrong)).toThrow(expect.objectContaining({ code: 'config_invalid' }))
})

test('history_from leaves old changes out, but never names', async () => {
  for (const name of ['users', 'calls'] as const) server.put(name, testItem('old', T0), testItem('new', T0 + 10 * MINUTE))
  const loaded = new Map<string, Batch['records'][number]>()
  const batches = await run(source({ history_from: new Date(T0 + MINUTE).toISOString() }), testContext(), loaded)
  expect([...loaded.keys()].toSorted()).toEqual(['calls/new', 'users/new', 'users/old'])
  expect(batches.find((batch) => batch.stream === 'calls')!.coverage![0]!.from_ms).toBe(T0 + MINUTE)
})
