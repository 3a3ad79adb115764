/** What Twilio, the network and the data may do wrong. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { TwilioMock, type TwilioFault } from '../../../fixtures/twilio-mock.ts'
import type { Source } from '../../source.ts'
import { testContext } from '../../test-context.ts'
import { ACCOUNT, callItem, CHILD, messageItem, pullInto, rfc, sid, TOKEN } from './test-items.ts'
import type { TwilioOptions } from './options.ts'
import { createTwilioSource } from './twilio.ts'

const mock = new TwilioMock()
const NOW = Date.UTC(2026, 2, 1)
const MINUTE = 60_000
const DAY = 86_400_000

beforeAll(() => mock.start())
afterAll(() => mock.stop())
beforeEach(() => {
  mock.reset()
  mock.credentials.add(`${ACCOUNT}:${TOKEN}`)
})

const twilio = (options: Partial<TwilioOptions> = {}): Source =>
  createTwilioSource({
    account_sid: ACCOUNT,
    auth_token: TOKEN,
    url: mock.url,
    page_size: 10,
    history_from: '2026-01-01T00:00:00Z',
    http: { timeout_ms: 2_000, random: () => 0 },
    ...options,
  })
const onlyCalls = (options: Partial<TwilioOptions> = {}): Source => twilio({ lists: ['calls'], ...options })

/** Calls a minute apart, from the middle of February on. */
const calls = (count: number): void =>
  mock.put(ACCOUNT, 'Calls', ...Array.from({ length: count }, (_, n) => callItem(n, Date.UTC(2026, 1, 20) + n * MINUTE)))
describe('faults', () => {
  test.each<[string, TwilioFault]>([
    ['429 without Retry-After', { kind: 'status', status: 429, body: '{"code":20429}' }],
    ['503', { kind: 'status', status: 503 }],
    ['a 200 with an HTML page', { kind: 'html' }],
    ['a connection that breaks', { kind: 'reset' }],
    ['a page that repeats its own next link', { kind: 'own_next' }],
    ['pages in another order, with repetitions', { kind: 'shuffled' }],
  ])('%s, every third time: nothing is lost', async (_, fault) => {
    calls(95)
    mock.fault = ({ n }) => (n % 3 === 1 ? fault : undefined)
    expect((await pullInto(onlyCalls(), testContext())).rows.size).toBe(190)
  })

  test('Retry-After is honoured by everyone', async () => {
    calls(25)
    mock.fault = ({ n }) => (n === 1 ? { kind: 'status', status: 429, headers: { 'retry-after': '17' } } : undefined)
    const context = testContext()
    await pullInto(onlyCalls(), context)
    expect(Math.max(...context.slept)).toBe(17_000)
  })

  test('no more requests under way than lists are read at a time', async () => {
    calls(50)
    mock.put(ACCOUNT, 'Messages', ...Array.from({ length: 50 }, (_, n) => messageItem(n, NOW - n * 1000)))
    mock.concurrency = 1
    const { rows } = await pullInto(twilio(), testContext())
    expect(rows.size).toBe(150)
    expect(mock.most_under_way).toBeLessThanOrEqual(2)
  })

  test.each<[string, TwilioFault]>([
    ['HTML', { kind: 'html' }],
    ['its own next link', { kind: 'own_next' }],
  ])('%s for ever ends in an error, not in a loop', async (_, fault) => {
    calls(25)
    mock.fault = () => fault
    await expect(pullInto(onlyCalls(), testContext())).rejects.toMatchObject({ code: 'source_garbled' })
    expect(mock.requests.length).toBeLessThan(30)
  })

  test('a next page on another host or account is not followed: the credentials stay where they are', async () => {
    let asked = 0
    for (const next_page_uri of ['http://127.0.0.1:1/2010-04-01/x', `/2010-04-01/Accounts/${CHILD}/Calls.json?Page=1`]) {
      const fetchOnce: typeof fetch = async () => ((asked += 1), new Response(JSON.stringify({ calls: [], next_page_uri })))
      await expect(pullInto(onlyCalls({ http: { attempts: 2 } }), testContext({ fetch: fetchOnce }))).rejects.toMatchObject({
        code: 'source_garbled',
      })
    }
    expect(asked).toBe(4)
  })

  test('pages that shift while they are read bring each call, if twice', async () => {
    calls(95)
    mock.is_paged_by_number = true
    let added = 0
    mock.fault = ({ query }) => {
      if (Number(query.get('Page')) > 0) mock.put(ACCOUNT, 'Calls', callItem(1_000 + added, Date.UTC(2026, 1, 25) + (added += 1) * MINUTE))
      return undefined
    }
    const { rows } = await pullInto(onlyCalls(), testContext())
    for (let n = 0; n < 95; n += 1) expect(rows.has(`calls/${sid('CA', n)}`)).toBe(true)
  })

  test('wrong credentials, and a token revoked under way: what was loaded stays', async () => {
    calls(95)
    await expect(twilio({ auth_token: 'wrong' }).check!(testContext())).rejects.toMatchObject({
      code: 'source_rejected',
      message: expect.stringMatching(/401.*wrong, revoked/),
    })
    mock.requests.length = 0
    mock.fault = ({ n }) => (n === 15 ? void mock.credentials.clear() : undefined)
    const context = testContext()
    const rows = new Map()
    await expect(pullInto(onlyCalls(), context, rows)).rejects.toMatchObject({ code: 'source_rejected' })
    expect(rows.size).toBeGreaterThan(40)
    mock.credentials.add(`${ACCOUNT}:${TOKEN}`)
    await pullInto(onlyCalls(), context, rows)
    expect(rows.size).toBe(190)
    expect(context.logged.join()).not.toContain(TOKEN)
  })

  test('a checkpoint from the future is healed by listing everything', async () => {
    calls(5)
    const context = testContext()
    context.saved.set(`calls/${ACCOUNT}`, { format: 1, history_from_ms: 0, high_water_ms: Date.UTC(2099, 0, 1), pass: null })
    expect((await pullInto(onlyCalls({ window_days: 400 }), context)).rows.size).toBe(10)
  })

  test('aborting ends the pull quietly', async () => {
    calls(95)
    const stop = new AbortController()
    mock.fault = ({ n }) => (n === 12 ? (stop.abort(), undefined) : undefined)
    await expect(pullInto(onlyCalls(), testContext({ signal: stop.signal }))).resolves.toBeDefined()
  })
})

describe('bad input', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['a number that is not one', { duration: 'twelve' }, 'field_invalid'],
    ['a duration of -1', { duration: '-1' }, 'field_invalid'],
    ['a time without a zone', { start_time: rfc(NOW - DAY).replace(' +0000', '') }, 'field_invalid'],
    ['a day that is not', { end_time: 'Mon, 30 Feb 2026 10:00:00 +0000' }, 'field_invalid'],
    ['a price with a sign', { price: '$0.05' }, 'field_invalid'],
    ['a price with a tail', { price: '0.01x' }, 'field_invalid'],
    ['an unknown status', { status: 'pondering' }, 'field_invalid'],
    ['a status out of the prototype', { status: 'constructor' }, 'field_invalid'],
    ['a wrong type', { from: { number: 1 } }, 'field_invalid'],
    ['an end before the beginning', { end_time: rfc(NOW - 9 * DAY) }, 'field_invalid'],
    ['no sid', { sid: null }, 'identity_missing'],
    ['no date_created', { date_created: null }, 'identity_missing'],
  ])('%s is a dead letter, once, and its neighbours are loaded', async (_, over, code) => {
    mock.put(ACCOUNT, 'Calls', callItem(1, NOW - DAY), callItem(2, NOW - DAY, over), callItem(3, NOW - DAY))
    const { rows, inputs, rejects } = await pullInto(onlyCalls(), testContext())
    expect(rejects).toMatchObject([{ code, entity: 'calls' }])
    expect(inputs).toBe(3)
    expect(rows.size).toBe(4)
  })

  test('an unknown field is kept', async () => {
    mock.put(ACCOUNT, 'Calls', callItem(1, NOW - DAY, { stir_verstat: 'TN-Validation-Passed-A' }))
    const { rows } = await pullInto(onlyCalls(), testContext())
    expect(rows.get(`calls/${sid('CA', 1)}`)!.record.payload).toContain('TN-Validation-Passed-A')
  })
})
