/** Aircall, declared: each mapped field, the vendor's limits, and what goes wrong. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { aircallServer, type AircallData, type AircallSetup } from '../../../fixtures/aircall-server.ts'
import { testContext, type TestContext } from '../../test-context.ts'
import { createRestSource, type RestOptions } from './rest.ts'
import { fieldsOf, nothing, pullInto } from './test-pull.ts'

const readCase = (name: string): unknown => JSON.parse(readFileSync(new URL(`../../../fixtures/cases/aircall/${name}`, import.meta.url), 'utf8'))
const account = readCase('account.json') as AircallData
const faulty = readCase('faulty.json') as { why: string; reason: string; item: Record<string, unknown> }[]

const BASE_MS = 1_772_445_600_000
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const setup: AircallSetup = { api_id: 'id-1', api_token: 'token-1', data: structuredClone(account) }
const server = aircallServer(setup)
let context: TestContext

beforeAll(async () => void (await server.start()))
afterAll(() => server.stop())
beforeEach(() => {
  Object.assign(setup, { api_token: 'token-1', most_calls: 10_000, requests_a_minute: 60, data: structuredClone(account) })
  server.requests.length = 0
  server.times.length = 0
  server.fault = () => undefined
  freshContext()
})

/** A machine that knows nothing yet, a day after the calls. */
function freshContext(): void {
  context = testContext()
  context.clock.now_ms = BASE_MS + 24 * HOUR
  server.now = () => context.clock.now_ms
}

const source = (options: Partial<RestOptions> = {}) =>
  createRestSource({
    spec: 'aircall',
    url: server.url,
    credentials: { api_id: 'id-1', api_token: 'token-1' },
    history_from: new Date(BASE_MS - 24 * HOUR).toISOString(),
    http: { random: () => 0, attempts: 3 },
    ...options,
  })

const item = (id: number, more: Record<string, unknown> = {}): Record<string, unknown> => ({ ...account.calls[0], id, ...more })
const calls = () => createOnly('calls')
const createOnly = (...streams: string[]) => source({ streams })

test('every mapped field of a call, and of what hangs on it', async () => {
  const loaded = await pullInto(nothing(), source(), context)
  const started_at = BASE_MS + MINUTE
  expect(fieldsOf(loaded, 'calls/1')).toMatchObject({
    native_id: '1',
    anchor_at: started_at,
    direction: 'inbound',
    from_number: '+33 6 39 98 00 11',
    from_number_raw: '+33 6 39 98 00 11',
    to_number: '+33 1 99 00 12 34',
    to_number_raw: '+33 1 99 00 12 34',
    started_at,
    answered_at: started_at + 12_000,
    ended_at: started_at + 102_000,
    disposition: 'answered',
    first_queue_id: 'team/55',
    final_agent_id: '901',
    trunk_id: '7001',
    talk_ms: 90_000,
    cost: '0.024',
    currency: 'USD',
    is_deleted: false,
  })
  expect(fieldsOf(loaded, 'recordings/1/recording')).toMatchObject({
    call_id: '1',
    agent_id: '901',
    customer_number: '+33 6 39 98 00 11',
    started_at: started_at + 12_000,
    uri: 'https://media.lantern.example/1.mp3',
    status: 'completed',
  })
  expect(fieldsOf(loaded, 'call_legs/1/0')).toMatchObject({ call_id: '1', seq: 0, party: 'user', user_id: '901', disposition: 'answered' })
  expect(fieldsOf(loaded, 'call_legs/1/1')).toMatchObject({ call_id: '1', seq: 1, party: 'external', to_number: '+33639980011' })
  expect(fieldsOf(loaded, 'call_legs/1/1')).not.toHaveProperty('user_id')
  expect(fieldsOf(loaded, 'calls/2')).toMatchObject({
    direction: 'outbound',
    from_number: '+33 1 99 00 12 34',
    to_number: '+33 6 39 98 00 11',
    disposition: 'no_answer',
    hangup_cause: 'no_answer',
  })
  expect(fieldsOf(loaded, 'calls/3')).toMatchObject({ disposition: 'abandoned', hangup_cause: 'abandoned_in_ivr' })
  expect(fieldsOf(loaded, 'calls/3')).not.toHaveProperty('final_agent_id')
  expect(fieldsOf(loaded, 'calls/3')).not.toHaveProperty('cost')
  expect(fieldsOf(loaded, 'calls/4')).toMatchObject({ disposition: 'voicemail' })
  expect(fieldsOf(loaded, 'voicemails/4/voicemail')).toMatchObject({ call_id: '4', mailbox: '7001', left_at: BASE_MS + 4 * MINUTE + 102_000 })
  expect(fieldsOf(loaded, 'calls/5')).not.toHaveProperty('ended_at')
  expect(fieldsOf(loaded, 'calls/6')).not.toHaveProperty('from_number')
  expect(fieldsOf(loaded, 'users/901')).toMatchObject({ user_id: '901', name: 'Ada Quist', email: 'ada@lantern.example', is_agent: true })
  expect(fieldsOf(loaded, 'queues/team/55')).toMatchObject({ queue_id: 'team/55', name: 'Order desk' })
  expect(fieldsOf(loaded, 'numbers/7001')).toMatchObject({ number: '+33 1 99 00 12 34', label: 'Orders', trunk_id: '7001', country: 'FR' })
  expect(loaded.rejects.size).toBe(0)
  expect(loaded.inputs).toBe(10)
})

test('an unknown field is kept in the payload, digit for digit', async () => {
  setup.data.calls = [item(7, { started_at: 1_772_445_700 })]
  server.fault = ({ url }) =>
    url.pathname === '/v1/calls'
      ? {
          body: JSON.stringify({ meta: { total: 1, next_page_link: null }, calls: setup.data.calls }).replace(
            '"id":7',
            '"big":12345678901234567890,"id":7',
          ),
          type: 'application/json',
        }
      : undefined
  const loaded = await pullInto(nothing(), calls(), context)
  expect(fieldsOf(loaded, 'calls/7')['payload']).toContain('"big":12345678901234567890')
})

test.each(faulty)('a dead letter with its position and reason: $why', async ({ item: wrong, reason }) => {
  setup.data.calls = [account.calls[1]!, { ...wrong, started_at: wrong['started_at'] ?? null }]
  server.fault = ({ url }) =>
    url.pathname === '/v1/calls' ? { body: { meta: { total: 2, next_page_link: null }, calls: setup.data.calls } } : undefined
  const loaded = await pullInto(nothing(), calls(), context)
  const [reject] = loaded.rejects.values()
  expect(reject).toMatchObject({ reason })
  expect(reject!.position).toMatch(/^calls\/[0-9a-f]{64}$/)
  expect(JSON.parse(reject!.payload)).toEqual(setup.data.calls[1])
  expect(fieldsOf(loaded, 'calls/2')).toBeDefined()
  expect(loaded.inputs).toBe(2)
  expect(calls().reparse!({ entity: 'calls', payload: reject!.payload, position: reject!.position }).rejects).toMatchObject([{ reason }])
})

test('a stored payload is mapped again as it was', async () => {
  const loaded = await pullInto(nothing(), calls(), context)
  const stored = fieldsOf(loaded, 'recordings/1/recording')
  const again = calls().reparse!({
    entity: 'recordings',
    native_id: '1/recording',
    payload: String(stored['payload']),
    version: Number(stored['version']),
  })
  expect(again.rejects).toEqual([])
  expect(again.records.map(({ record }) => record)).toEqual([stored])
})

test('pulled again nothing changed, nothing is handed on; a late change is, within one look-back', async () => {
  const from = source()
  const loaded = await pullInto(nothing(), from, context)
  const quiet = await pullInto(nothing(), from, context)
  expect(quiet.inputs).toBe(0)
  setup.data.calls[0] = item(1, { tags: [{ name: 'refund' }], cost: '3.1' })
  context.clock.now_ms += HOUR
  const late = await pullInto(nothing(), from, context)
  expect(late.inputs).toBe(1)
  expect(fieldsOf(late, 'calls/1')).toMatchObject({ cost: '0.031' })
  expect(Number(fieldsOf(late, 'calls/1')['version'])).toBeGreaterThan(Number(fieldsOf(loaded, 'calls/1')['version']))
  // Back to what it was is a change too.
  setup.data.calls[0] = item(1)
  context.clock.now_ms += HOUR
  expect((await pullInto(nothing(), from, context)).inputs).toBe(1)
})

test('coverage says what is complete, and the next pass begins there', async () => {
  const from = calls()
  const { batches } = await pullInto(nothing(), from, context)
  const [covered] = batches.at(-1)!.coverage!
  expect(covered).toEqual({ entity: 'calls', from_ms: BASE_MS - 24 * HOUR, to_ms: BASE_MS + 22 * HOUR })
  server.requests.length = 0
  context.clock.now_ms += MINUTE
  await pullInto(nothing(), from, context)
  // Between look-backs only what had not settled is listed again.
  expect(Number(server.requests[0]!.url.searchParams.get('from'))).toBe((BASE_MS + 22 * HOUR) / 1000)
})

test('whatever the cap and however the calls lie, all of them come, and no window lists more than the cap', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(40_000), { maxLength: 120 }),
      fc.integer({ min: 12, max: 70 }),
      fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      async (seconds, most_calls, crash_after) => {
        freshContext()
        // No second may hold as many as the cap: nothing could list them.
        const at = seconds.filter((second, n) => seconds.slice(0, n).filter((other) => other === second).length < 8)
        setup.data.calls = at.map((second, n) => item(n + 1, { started_at: BASE_MS / 1000 + second, answered_at: null, ended_at: null }))
        Object.assign(setup, { most_calls, requests_a_minute: 100_000 })
        const spec = (await import('./read-spec.ts')).loadSpec('aircall')
        const declared = { ...spec, rate_limits: [], streams: { calls: { ...spec.streams['calls']!, cap: most_calls } } }
        const loaded = nothing()
        if (crash_after !== undefined) await pullInto(loaded, source({ spec: declared }), context, crash_after)
        await pullInto(loaded, source({ spec: declared }), context)
        const ids = [...loaded.records.keys()].filter((key) => key.startsWith('calls/'))
        expect(ids.toSorted()).toEqual(at.map((_, n) => `calls/${n + 1}`).toSorted())
      },
    ),
    { numRuns: 25 },
  )
}, 60_000)

test('a second with more calls than may be listed is an error that says so, and no silent loss', async () => {
  setup.most_calls = 10
  setup.data.calls = Array.from({ length: 12 }, (_, n) => item(n + 1))
  const spec = (await import('./read-spec.ts')).loadSpec('aircall')
  const declared = { ...spec, streams: { calls: { ...spec.streams['calls']!, cap: 10 } } }
  await expect(pullInto(nothing(), source({ spec: declared }), context)).rejects.toMatchObject({
    code: 'source_garbled',
    message: expect.stringContaining('lists 10 items or more between') as string,
  })
})

test('60 requests a minute are never exceeded: the server has nothing to refuse', async () => {
  setup.data.calls = Array.from({ length: 6_000 }, (_, n) => item(n + 1, { started_at: BASE_MS / 1000 + n }))
  const loaded = await pullInto(nothing(), calls(), context)
  expect(loaded.inputs).toBe(6_000)
  expect(server.requests.length).toBeGreaterThan(100)
  for (const [n, time] of server.times.entries()) if (n >= 60) expect(time - server.times[n - 60]!).toBeGreaterThanOrEqual(MINUTE)
  expect(context.slept.length).toBeGreaterThan(0)
})

test('429 without Retry-After, 500 and a 200 with an HTML page: tried again, then all is there', async () => {
  const faults = [
    { status: 429, body: { error: 'busy' } },
    { status: 500, body: 'oops' },
    { status: 200, body: '<html>back soon</html>' },
  ]
  server.fault = ({ n }) => (n % 2 === 0 ? faults[(n / 2) % 3] : undefined)
  expect((await pullInto(nothing(), source({ concurrency: 1 }), context)).inputs).toBe(10)
})

test('an HTML page for ever is an error without its text', async () => {
  server.fault = () => ({ status: 200, body: '<html>+33639980011</html>' })
  const failure = pullInto(nothing(), calls(), context)
  await expect(failure).rejects.toMatchObject({ code: 'source_garbled' })
  await failure.catch((thrown: unknown) => expect((thrown as Error).message).not.toContain('+336'))
})

test('wrong credentials, and a key that is revoked in the middle', async () => {
  await expect(source().check!(context)).resolves.toEqual({ account: 'Lantern Books' })
  expect(server.requests).toHaveLength(1)
  const wrong = source({ credentials: { api_id: 'id-1', api_token: 'stolen' } })
  await expect(wrong.check!(context)).rejects.toMatchObject({
    code: 'source_rejected',
    message: expect.stringMatching(/401.*wrong, revoked/) as string,
  })
  await wrong.check!(context).catch((thrown: unknown) => expect((thrown as Error).message).not.toContain('stolen'))

  setup.data.calls = Array.from({ length: 120 }, (_, n) => item(n + 1, { started_at: BASE_MS / 1000 + n }))
  server.fault = ({ url }) => (Number(url.searchParams.get('page')) === 2 ? void (setup.api_token = 'new') : undefined)
  await expect(pullInto(nothing(), calls(), context)).rejects.toMatchObject({ code: 'source_rejected' })
  server.fault = () => undefined
  const loaded = await pullInto(nothing(), source({ credentials: { api_id: 'id-1', api_token: 'new' }, streams: ['calls'] }), context)
  expect([...loaded.records.keys()].filter((key) => key.startsWith('calls/'))).toHaveLength(120)
})

test('a page that repeats its own next link, or leads to another host, is an error', async () => {
  server.fault = ({ url }) => ({ body: { meta: { total: 1, next_page_link: url.href }, calls: [item(1)] } })
  await expect(pullInto(nothing(), calls(), context)).rejects.toMatchObject({
    code: 'source_garbled',
    message: expect.stringContaining('already read') as string,
  })
  server.requests.length = 0
  server.fault = () => ({ body: { meta: { total: 1, next_page_link: 'http://elsewhere.example/v1/calls?page=2' }, calls: [item(1)] } })
  await expect(pullInto(nothing(), calls(), context)).rejects.toMatchObject({
    code: 'source_garbled',
    message: expect.stringContaining('another host (elsewhere.example)') as string,
  })
  expect(server.requests).toHaveLength(1)
})

test('a checkpoint of the future is left behind, and everything listed again', async () => {
  const first = calls()
  await pullInto(nothing(), first, context)
  context.saved.set('calls', { format: 1, high_water_ms: BASE_MS + 9_000 * HOUR, began_ms: null, looked_back_ms: null, pass: null })
  const loaded = await pullInto(nothing(), first, context)
  expect(loaded.inputs).toBe(7)
  expect(context.logged.join()).toContain('later than the clock')
})

test('an aborted pull ends quietly', async () => {
  const stop = new AbortController()
  stop.abort()
  const loaded = await pullInto(nothing(), source(), { ...context, signal: stop.signal })
  expect(loaded.inputs).toBe(0)
})
