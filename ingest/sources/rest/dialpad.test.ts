/** Dialpad, declared: a report asked for, waited for and fetched, and each column that is mapped. */
import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { dialpadServers, type DialpadSetup } from '../../../fixtures/dialpad-server.ts'
import { testContext, type TestContext } from '../../test-context.ts'
import { createRestSource, type RestOptions } from './rest.ts'
import { fieldsOf, nothing, pullInto } from './test-pull.ts'

const readCase = (name: string): unknown => JSON.parse(readFileSync(new URL(`../../../fixtures/cases/dialpad/${name}`, import.meta.url), 'utf8'))
const account = readCase('account.json') as Pick<DialpadSetup, 'rows' | 'users' | 'callcenters'>
const faulty = readCase('faulty.json') as { why: string; reason: string; row: Record<string, string> }[]
const vendorFile = new URL('../../../../shared/samples/dialpad/dialpad_api_spec.json', import.meta.url)

const NOON_MS = Date.UTC(2026, 2, 2, 12)
const HOUR = 3_600_000
const setup: DialpadSetup = { api_key: 'key', ...structuredClone(account) }
const { api, files, start, stop } = dialpadServers(setup)
let context: TestContext

beforeAll(start)
afterAll(stop)
beforeEach(() => {
  Object.assign(setup, { report_ms: 12_000, ...structuredClone(account) })
  for (const server of [api, files]) {
    server.requests.length = 0
    server.times.length = 0
    server.fault = () => undefined
    server.now = () => context.clock.now_ms
  }
  context = testContext()
  context.clock.now_ms = NOON_MS
})

const source = (options: Partial<RestOptions> = {}) =>
  createRestSource({
    spec: 'dialpad',
    url: api.url,
    credentials: { api_key: 'key' },
    history_from: '2026-02-01T00:00:00Z',
    http: { random: () => 0, attempts: 3 },
    ...options,
  })
const calls = () => source({ streams: ['calls'] })
const bodies = () => api.requests.filter(({ method }) => method === 'POST').map(({ body }) => JSON.parse(body) as Record<string, unknown>)

test('every mapped column', async () => {
  const loaded = await pullInto(nothing(), source(), context)
  const started_at = Date.UTC(2026, 2, 1, 10, 0, 0, 250)
  const second = (n: number) => Date.UTC(2026, 2, 1, 10, 0, n)
  expect(fieldsOf(loaded, 'calls/5000000000000001')).toMatchObject({
    anchor_at: started_at,
    direction: 'inbound',
    from_number: '+12025550143',
    to_number: '+12025550100',
    started_at,
    answered_at: second(10),
    ended_at: second(85),
    disposition: 'answered',
    hangup_cause: 'incoming',
    final_agent_id: '5835806903417907',
    talk_ms: 75_000,
  })
  expect(fieldsOf(loaded, 'calls/5000000000000002')).toMatchObject({
    direction: 'outbound',
    from_number: '+12025550100',
    to_number: '+12025550143',
    disposition: 'abandoned',
    talk_ms: 0,
  })
  expect(fieldsOf(loaded, 'calls/5000000000000003')).toMatchObject({ first_queue_id: '1000', disposition: 'answered' })
  expect(fieldsOf(loaded, 'queue_visits/5000000000000003/queue')).toMatchObject({
    call_id: '5000000000000003',
    queue_id: '1000',
    caller_number: '+12025550143',
    did_number: '+12025550100',
    entered_at: second(5),
    answered_at: second(20),
    exited_at: second(85),
    outcome: 'answered',
    wait_ms: 15_000,
    talk_ms: 75_000,
  })
  expect(fieldsOf(loaded, 'queue_visits/5000000000000005/queue')).toMatchObject({ outcome: 'abandoned', wait_ms: 40_000 })
  expect(loaded.records.has('calls/5000000000000004')).toBe(false)
  expect(fieldsOf(loaded, 'call_legs/5000000000000004')).toMatchObject({
    call_id: '5000000000000003',
    user_id: '5835806903417907',
    disposition: 'answered',
    bill_ms: 75_000,
  })
  expect(fieldsOf(loaded, 'calls/5000000000000006')).toMatchObject({ disposition: 'voicemail' })
  // Today's comes with its own report.
  expect(fieldsOf(loaded, 'calls/5000000000000007')).toMatchObject({ talk_ms: 75_000 })
  expect(fieldsOf(loaded, 'users/102')).toMatchObject({ user_id: '102', name: 'Person 2', email: 'p2@lantern.example' })
  expect(fieldsOf(loaded, 'queues/1000')).toMatchObject({ queue_id: '1000', name: 'Support', service_level_threshold_ms: 60_000 })
  expect(JSON.parse(String(fieldsOf(loaded, 'calls/5000000000000001')['payload']))).toEqual(account.rows[0])
  expect([loaded.rejects.size, loaded.inputs]).toEqual([0, 11])
})

test.each(faulty)('a dead letter: $why', async ({ row, reason }) => {
  setup.rows = [account.rows[0]!, row]
  const loaded = await pullInto(nothing(), calls(), context)
  expect([...loaded.rejects.values()]).toMatchObject([{ reason, payload: JSON.stringify(row) }])
  expect(loaded.inputs).toBe(2)
})

test('days that are over are asked for in reports of 30 days at most, each day once', async () => {
  await pullInto(nothing(), source({ streams: ['calls'], history_from: '2025-12-01T00:00:00Z' }), context)
  const ranges = bodies().map(({ days_ago_start, days_ago_end }) => [days_ago_end, days_ago_start])
  expect(ranges).toEqual([
    [91, 62],
    [61, 32],
    [31, 2],
    [1, 1],
  ])
})

test('a report is not asked for more often than every 6 hours, and the last 3 days come again', async () => {
  const from = calls()
  await pullInto(nothing(), from, context)
  const before = bodies().length
  context.clock.now_ms += HOUR
  await pullInto(nothing(), from, context)
  expect(bodies()).toHaveLength(before)
  context.clock.now_ms += 24 * HOUR
  setup.rows[0]!['talk_duration'] = '1.5'
  const late = await pullInto(nothing(), from, context)
  expect(late.inputs).toBe(2)
  expect(fieldsOf(late, 'calls/5000000000000001')).toMatchObject({ talk_ms: 90_000 })
})

test('the key stays with its host: where the report lies it is not sent', async () => {
  await pullInto(nothing(), calls(), context)
  expect(files.requests.length).toBeGreaterThan(0)
  expect(files.requests.every(({ headers }) => headers['authorization'] === undefined)).toBe(true)
})

test('a report that fails, or never gets ready, ends the pull so that it is tried again', async () => {
  api.fault = ({ method, url }) => (method === 'GET' && url.pathname.startsWith('/api/v2/stats/') ? { body: { status: 'failed' } } : undefined)
  await expect(pullInto(nothing(), calls(), context)).rejects.toMatchObject({ code: 'source_unavailable', retryable: true })
  api.fault = () => undefined
  setup.report_ms = 10 * HOUR
  await expect(pullInto(nothing(), calls(), context)).rejects.toMatchObject({
    code: 'source_unavailable',
    message: expect.stringContaining('not ready within 30m') as string,
  })
})

test('a page of markup in the report’s place is no report', async () => {
  files.fault = () => ({ body: '<?xml version="1.0"?><Error>ExpiredToken</Error>' })
  await expect(pullInto(nothing(), calls(), context)).rejects.toMatchObject({ code: 'source_garbled' })
})

test('a wrong key is told at once', async () => {
  await expect(source().check!(context)).resolves.toEqual({ account: 'Lantern Books' })
  await expect(source({ credentials: { api_key: 'other' } }).check!(context)).rejects.toMatchObject({ code: 'source_rejected' })
})

test('the vendor’s own examples: users, call centers and the report’s states', async (it) => {
  if (!existsSync(vendorFile)) it.skip('the vendor’s API description is not on this machine')
  interface Operation {
    responses: Record<string, { content: Record<string, { examples?: { json_example?: { value: unknown } } }> }>
  }
  const { paths } = JSON.parse(readFileSync(vendorFile, 'utf8')) as { paths: Record<string, Record<string, Operation>> }
  const exampleOf = (path: string): unknown => paths[path]!['get']!.responses['200']!.content['application/json']!.examples!.json_example!.value
  const users = (exampleOf('/api/v2/users') as { items: Record<string, unknown>[] }).items
  const centers = (exampleOf('/api/v2/callcenters') as { items: Record<string, unknown>[] }).items
  Object.assign(setup, { users, callcenters: centers })
  const loaded = await pullInto(nothing(), source({ streams: ['users', 'callcenters'] }), context)
  expect([loaded.inputs, loaded.rejects.size]).toEqual([users.length + centers.length, 0])
  for (const user of users) expect(fieldsOf(loaded, `users/${String(user['id'])}`)).toMatchObject({ user_id: user['id'], name: user['display_name'] })
  for (const center of centers) expect(fieldsOf(loaded, `queues/${String(center['id'])}`)).toMatchObject({ name: center['name'] })
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/api/v2/stats', '/api/v2/stats/{id}', '/api/v2/company']))
  expect(exampleOf('/api/v2/stats/{id}')).toEqual({ status: 'processing' })
})
