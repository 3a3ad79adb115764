/** The client against a real server that misbehaves in every way we know. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createHttpClient, GarbledAnswer, type HttpClientOptions } from './http-client.ts'
import { RequestGate } from './retry-after.ts'
import { PretendTestServer, TOKEN, type Fault } from './sources/pretend-test-server.ts'
import { testContext, type TestContext } from './test-context.ts'

const server = new PretendTestServer()
beforeAll(async () => void (await server.start()))
afterAll(() => server.stop())
beforeEach(() => {
  server.requests.length = 0
  server.fault = () => undefined
  server.token = TOKEN
})

/** The first answers go wrong that way. */
function failFirst(...faults: Fault[]): void {
  server.fault = ({ n }) => faults[n]
}

function get(context: TestContext, options: HttpClientOptions = {}): Promise<unknown> {
  const client = createHttpClient(context, { token: TOKEN, random: () => 0, attempts: 4, ...options })
  return client.get(new URL(`${server.url}/v1/account?secret=1`), JSON.parse)
}

test('a Retry-After in seconds is waited for exactly, and by nobody less', async () => {
  const sent: number[] = []
  const context = testContext()
  failFirst({ kind: 'status', status: 429, headers: { 'retry-after': '17' } })
  const began_ms = context.clock.now_ms
  const inner = server.fault
  server.fault = (request) => {
    sent.push(context.clock.now_ms - began_ms)
    return inner(request)
  }
  await get(context)
  expect(sent).toEqual([0, 17_000])
})

test('a Retry-After as an HTTP date is waited for', async () => {
  const context = testContext()
  const end = new Date(context.clock.now_ms + 9_000)
  failFirst({ kind: 'status', status: 503, headers: { 'retry-after': end.toUTCString(), date: new Date(context.clock.now_ms).toUTCString() } })
  await get(context)
  expect(context.clock.now_ms).toBe(end.getTime())
})

test('a shared gate keeps concurrent streams away as well', async () => {
  const sleepers: { ms: number; wake: () => void }[] = []
  const context = testContext({ sleep: (ms) => new Promise((wake) => sleepers.push({ ms, wake })) })
  const gate = new RequestGate()
  failFirst({ kind: 'status', status: 429, headers: { 'retry-after': '30' } })
  const all = [get(context, { gate })]
  await expect.poll(() => sleepers.length).toBe(1)
  for (let n = 0; n < 5; n += 1) all.push(get(context, { gate }))
  await expect.poll(() => sleepers.length).toBe(6)
  // Woken a moment too early, as timers do: nobody goes yet.
  context.clock.now_ms += 29_999
  for (const { wake } of sleepers.splice(0)) wake()
  await expect.poll(() => sleepers.map(({ ms }) => ms)).toEqual([1, 1, 1, 1, 1, 1])
  expect(server.requests).toHaveLength(1)
  context.clock.now_ms += 1
  for (const { wake } of sleepers) wake()
  await Promise.all(all)
  expect(server.requests).toHaveLength(7)
})

test('a 429 without Retry-After backs off, and so do the others', async () => {
  const context = testContext()
  failFirst({ kind: 'status', status: 429 }, { kind: 'status', status: 429 })
  await get(context)
  expect(context.slept).toEqual([500, 1000])
})

test.each<[string, Fault, string]>([
  ['500', { kind: 'status', status: 500 }, 'source_unavailable'],
  ['a dropped connection', { kind: 'reset' }, 'source_unavailable'],
  ['a server that never answers', { kind: 'hang' }, 'source_unavailable'],
  ['truncated JSON', { kind: 'truncated' }, 'source_garbled'],
  ['an HTML page with status 200', { kind: 'html' }, 'source_garbled'],
])('%s is tried again, and given up in the end', async (_, fault, code) => {
  // The account is one small object: truncate any answer in the middle.
  const truncating = (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
    fetch(input, init).then(async (response) =>
      fault.kind === 'truncated' && server.requests.length <= limit ? new Response((await response.text()).slice(0, 20)) : response,
    )
  let limit = 2
  // Only a server that never answers has to be given up; a busy machine must not look like one.
  const deadline = (ms: number, late: () => void): (() => void) => {
    if (fault.kind !== 'hang' || server.requests.length >= limit) return () => undefined
    const timer = setTimeout(late, ms)
    return () => clearTimeout(timer)
  }
  const context = testContext({ fetch: truncating })
  server.fault = ({ n }) => (fault.kind !== 'truncated' && n < limit ? fault : undefined)
  await expect(get(context, { timeout_ms: 300, deadline })).resolves.toMatchObject({ account_id: 'a1' })
  expect(server.requests).toHaveLength(3)

  server.requests.length = 0
  limit = Infinity
  const failure = await get(context, { timeout_ms: 50, deadline }).catch((thrown: unknown) => thrown)
  expect(failure).toMatchObject({ code, retryable: true })
  expect(server.requests).toHaveLength(4)
  const told = `${(failure as Error).message} ${context.logged.join(' ')}`
  for (const secret of [TOKEN, '+4930123456', 'secret=1']) expect(told).not.toContain(secret)
})

test('backoff doubles up to its bound, shortened at random by up to half', async () => {
  const context = testContext()
  server.fault = () => ({ kind: 'status', status: 500 })
  await get(context, { attempts: 6, longest_wait_ms: 3_000, random: () => 0.5 }).catch(() => undefined)
  expect(context.slept).toEqual([375, 750, 1500, 2250, 2250])
})

test.each([401, 403])('%i is final at once', async (status) => {
  server.fault = () => ({ kind: 'status', status })
  await expect(get(testContext())).rejects.toMatchObject({ code: 'source_rejected', details: { status } })
  expect(server.requests).toHaveLength(1)
})

test('a redirect is not followed: the token stays here', async () => {
  failFirst({ kind: 'status', status: 302, headers: { location: `${server.url}/elsewhere` } })
  await expect(get(testContext())).rejects.toMatchObject({ code: 'source_rejected' })
  expect(server.requests).toHaveLength(1)
})

test('an answer that is too large is not read to its end', async () => {
  await expect(get(testContext(), { max_bytes: 50 })).rejects.toMatchObject({ code: 'source_garbled' })
})

test('an answer that the reader calls garbled is asked for again', async () => {
  const client = createHttpClient(testContext(), { token: TOKEN, random: () => 0 })
  let reads = 0
  const read = (): string => {
    reads += 1
    if (reads < 3) throw new GarbledAnswer('no page')
    return 'page'
  }
  await expect(client.get(new URL(`${server.url}/v1/account`), read)).resolves.toBe('page')
})

test('a malformed token is refused without being shown', () => {
  const failure = expect(() => createHttpClient(testContext(), { token: 'geheim\nwort' }))
  failure.toThrow(expect.objectContaining({ code: 'config_invalid', message: expect.not.stringContaining('geheim') }))
})

test('aborting ends a request under way and the waits between them', async () => {
  const stop = new AbortController()
  server.fault = () => {
    stop.abort()
    return { kind: 'hang' }
  }
  await expect(get(testContext({ signal: stop.signal }))).rejects.toThrow()
  expect(server.requests).toHaveLength(1)
})
