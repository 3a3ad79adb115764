/** Zoom Phone, declared: tokens, months, page tokens, and each mapped field. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { zoomServer, type ZoomSetup } from '../../../fixtures/zoom-server.ts'
import { testContext, type TestContext } from '../../test-context.ts'
import { createRestSource, type RestOptions } from './rest.ts'
import { fieldsOf, nothing, pullInto } from './test-pull.ts'

const readCase = (name: string): unknown => JSON.parse(readFileSync(new URL(`../../../fixtures/cases/zoom-phone/${name}`, import.meta.url), 'utf8'))
const account = readCase('account.json') as ZoomSetup['data']
const faulty = readCase('faulty.json') as { why: string; reason: string; item: Record<string, unknown> }[]

const NOON_MS = Date.UTC(2026, 2, 2, 12)
const HOUR = 3_600_000
const setup: ZoomSetup = { account_id: 'acc', client_id: 'client', client_secret: 'secret', data: structuredClone(account) }
const server = zoomServer(setup)
let context: TestContext

beforeAll(async () => void (await server.start()))
afterAll(() => server.stop())
beforeEach(() => {
  Object.assign(setup, { client_secret: 'secret', token_s: 3_600, lag_ms: 0, data: structuredClone(account) })
  server.requests.length = 0
  server.times.length = 0
  server.fault = () => undefined
  context = testContext()
  context.clock.now_ms = NOON_MS
  server.now = () => context.clock.now_ms
})

const source = (options: Partial<RestOptions> = {}) =>
  createRestSource({
    spec: 'zoom-phone',
    url: server.url,
    credentials: { account_id: 'acc', client_id: 'client', client_secret: 'secret' },
    values: { token_url: `${server.url}/oauth/token` },
    history_from: '2026-03-01T00:00:00Z',
    http: { random: () => 0, attempts: 3 },
    ...options,
  })

const calls = () => source({ streams: ['calls'] })
const asked = (path: string) => server.requests.filter(({ url }) => url.pathname === path)
const call = (n: number, start_ms: number) => ({
  ...account.call_history[0],
  id: `log-${n}`,
  call_history_uuid: `many-${n}`,
  start_time: new Date(start_ms).toISOString(),
  answer_time: new Date(start_ms + 1_000).toISOString(),
  end_time: new Date(start_ms + 2_000).toISOString(),
})

test('every mapped field', async () => {
  const loaded = await pullInto(nothing(), source(), context)
  const started_at = Date.UTC(2026, 2, 2, 10, 1)
  expect(fieldsOf(loaded, 'calls/20260302-1')).toMatchObject({
    anchor_at: started_at,
    direction: 'inbound',
    from_number: '+12025550143',
    from_number_raw: '+12025550143',
    to_number: '+12025550100',
    to_number_raw: '+12025550100',
    started_at,
    answered_at: started_at + 15_000,
    ended_at: started_at + 55_000,
    disposition: 'answered',
    hangup_cause: 'answered',
    final_agent_id: 'ext-ada',
    talk_ms: 40_000,
  })
  expect(fieldsOf(loaded, 'calls/20260302-2')).toMatchObject({ direction: 'outbound', disposition: 'busy', final_agent_id: 'ext-ada' })
  expect(fieldsOf(loaded, 'calls/20260302-2')).not.toHaveProperty('talk_ms')
  expect(fieldsOf(loaded, 'calls/20260302-3')).toMatchObject({ disposition: 'voicemail' })
  expect(fieldsOf(loaded, 'calls/20260302-4')).toMatchObject({ disposition: 'abandoned', first_queue_id: 'ext-q' })
  expect(fieldsOf(loaded, 'calls/20260302-4')).not.toHaveProperty('final_agent_id')
  expect(fieldsOf(loaded, 'calls/20260302-5')).toMatchObject({ direction: 'internal', from_number: '802', to_number: '801' })
  expect(fieldsOf(loaded, 'calls/20260302-6')).toMatchObject({ disposition: 'no_answer', hangup_cause: 'something_new' })
  expect(fieldsOf(loaded, 'calls/20260302-6')['payload']).toContain('"brand_new":{"k":[1]}')
  expect(fieldsOf(loaded, 'users/u-ada')).toMatchObject({ user_id: 'ext-ada', name: 'Ada Quist', email: 'ada@lantern.example', team: 'Support' })
  expect(fieldsOf(loaded, 'extensions/ext-ada')).toMatchObject({ extension_id: 'ext-ada', number: '801', user_id: 'ext-ada', kind: 'user' })
  expect(fieldsOf(loaded, 'queues/q-1')).toMatchObject({ queue_id: 'ext-q', name: 'Support' })
  expect(loaded.rejects.size).toBe(0)
  expect(loaded.inputs).toBe(8)
})

test.each(faulty)('a dead letter: $why', async ({ item, reason }) => {
  server.fault = ({ url }) => (url.pathname === '/v2/phone/call_history' ? { body: { next_page_token: '', call_history: [item] } } : undefined)
  const loaded = await pullInto(nothing(), calls(), context)
  expect([...loaded.rejects.values()]).toMatchObject([{ reason }])
  expect([loaded.inputs, loaded.records.size]).toEqual([1, 0])
})

test('one token serves all streams, is renewed before it ends, and once when it was revoked', async () => {
  const from = source()
  await pullInto(nothing(), from, context)
  expect(asked('/oauth/token')).toHaveLength(1)
  context.clock.now_ms += HOUR - 61_000
  await pullInto(nothing(), from, context)
  expect(asked('/oauth/token')).toHaveLength(1)
  context.clock.now_ms += 2_000
  await pullInto(nothing(), from, context)
  expect(asked('/oauth/token')).toHaveLength(2)
  server.revoke()
  context.clock.now_ms += HOUR / 2
  await pullInto(nothing(), from, context)
  expect(asked('/oauth/token')).toHaveLength(3)
})

test('a token revoked between two pages costs nothing; credentials that no longer work end the pull', async () => {
  setup.data.call_history = Array.from({ length: 700 }, (_, n) => call(n, NOON_MS - 20 * HOUR + n * 1_000))
  server.fault = ({ url }) => (url.searchParams.has('next_page_token') && server.requests.length === 3 ? void server.revoke() : undefined)
  const loaded = await pullInto(nothing(), calls(), context)
  expect(loaded.records.size).toBe(700)
  expect(asked('/oauth/token')).toHaveLength(2)

  server.revoke()
  setup.client_secret = 'changed'
  context.clock.now_ms += HOUR
  await expect(pullInto(nothing(), calls(), context)).rejects.toMatchObject({
    code: 'source_rejected',
    message: expect.stringContaining('gives no token: client id, secret or account is wrong') as string,
  })
})

test('an API that says 401 to every token is believed after one more', async () => {
  server.fault = ({ url }) => (url.pathname.startsWith('/v2/') ? { status: 401, body: {} } : undefined)
  await expect(pullInto(nothing(), calls(), context)).rejects.toMatchObject({ code: 'source_rejected' })
  expect(asked('/v2/phone/call_history')).toHaveLength(2)
})

test('the credentials are checked with one cheap request', async () => {
  await expect(source().check!(context)).resolves.toEqual({ account: '1 phone users' })
  expect(asked('/v2/phone/users')).toHaveLength(1)
})

test('half a year is listed in months: nothing is lost to the API’s own limit', async () => {
  const first_ms = Date.UTC(2025, 8, 1)
  setup.data.call_history = Array.from({ length: 180 }, (_, n) => call(n, first_ms + n * 24 * HOUR))
  const loaded = await pullInto(nothing(), source({ streams: ['calls'], history_from: new Date(first_ms).toISOString() }), context)
  expect(loaded.records.size).toBe(180)
  for (const { url } of asked('/v2/phone/call_history')) {
    const span_ms = Date.parse(url.searchParams.get('to')!) - Date.parse(url.searchParams.get('from')!)
    expect(span_ms).toBeLessThanOrEqual(30 * 24 * HOUR)
  }
})

test('a page token that ended is no end: the window is listed again', async () => {
  setup.data.call_history = Array.from({ length: 700 }, (_, n) => call(n, NOON_MS - 20 * HOUR + n * 1_000))
  let is_slow = true
  server.fault = ({ url }) => {
    if (is_slow && url.searchParams.has('next_page_token')) {
      is_slow = false
      context.clock.now_ms += 16 * 60_000
    }
    return undefined
  }
  const loaded = await pullInto(nothing(), calls(), context)
  expect(loaded.records.size).toBe(700)
  expect(context.logged.join()).toContain('listed again')
})

test('a page token that repeats itself is an error', async () => {
  server.fault = ({ url }) =>
    url.pathname === '/v2/phone/call_history' ? { body: { next_page_token: 'same', call_history: [call(1, NOON_MS - HOUR)] } } : undefined
  await expect(pullInto(nothing(), calls(), context)).rejects.toMatchObject({ code: 'source_garbled' })
  expect(asked('/v2/phone/call_history')).toHaveLength(2)
})

test('a call that is listed late, since it was long, comes within one look-back', async () => {
  setup.lag_ms = 20 * 60_000
  setup.data.call_history = [{ ...call(1, NOON_MS - 3 * HOUR), end_time: new Date(NOON_MS - 60_000).toISOString() }]
  const from = calls()
  expect((await pullInto(nothing(), from, context)).inputs).toBe(0)
  context.clock.now_ms += HOUR
  expect((await pullInto(nothing(), from, context)).inputs).toBe(1)
})

test('10 requests a second are kept', async () => {
  setup.data.call_history = Array.from({ length: 6_000 }, (_, n) => call(n, NOON_MS - 20 * HOUR + n * 1_000))
  const loaded = await pullInto(nothing(), calls(), context)
  expect(loaded.records.size).toBe(6_000)
  const times = server.times.filter((_, n) => server.requests[n]!.url.pathname.startsWith('/v2/'))
  for (const [n, time] of times.entries()) if (n >= 10) expect(time - times[n - 10]!).toBeGreaterThanOrEqual(1_000)
})
