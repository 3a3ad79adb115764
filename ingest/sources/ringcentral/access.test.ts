/** Tokens, rate limits, and servers that answer something else. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AccessToken } from './access-token.ts'
import { alive, callItem, person, pullInto, smsItem, startAccount, type Loaded, type TestAccount } from './test-account.ts'

const T0 = Date.UTC(2026, 1, 20, 12)
let account: TestAccount
let loaded: Loaded

beforeEach(async () => {
  account = await startAccount()
  loaded = new Map()
})
afterEach(() => account.server.stop())

const callsLoaded = (): number => [...loaded.keys()].filter((key) => key.startsWith('calls/') && alive(loaded, key)).length

test('check asks one cheap question and says whose account it is', async () => {
  expect(await account.source().check!(account.context)).toEqual({ account: '37439510 (Test)' })
  expect(account.server.requests.map(({ path }) => path)).toEqual(['/restapi/v1.0/account/~'])
})

test.each(['client_secret', 'jwt'] as const)('a wrong %s is refused at once, with a message that names no secret', async (name) => {
  const source = account.source({ [name]: 'wrong-value-here' })
  const refusal = source.check!(account.context)
  await expect(refusal).rejects.toMatchObject({ code: 'source_rejected', message: expect.stringContaining('developer console') })
  await expect(refusal).rejects.not.toMatchObject({ message: expect.stringContaining('wrong-value-here') })
  await expect(pullInto(loaded, source, account.context)).rejects.toMatchObject({ code: 'source_rejected' })
  expect(account.server.requests).toHaveLength(0)
})

test.each([
  [{ client_id: '' }, 'client_id'],
  [{ history_from: 'yesterday' }, 'history_from'],
  [{ message_extensions: ['x'] }, 'message_extensions'],
  [{ webhook_url: 'https://example.com' }, 'webhook_token'],
  [{ url: 'ftp://example.com' }, 'url'],
])('options it cannot work with are refused: %j', (options, named) => {
  expect(() => account.source(options)).toThrow(expect.objectContaining({ code: 'config_invalid', message: expect.stringContaining(named) }))
})

test('the token is renewed before it ends, and kept until then', async () => {
  const source = account.source()
  await pullInto(loaded, source, account.context)
  account.context.clock.now_ms += 57 * 60_000
  await pullInto(loaded, source, account.context)
  expect(account.server.tokens_granted).toBe(1)
  account.context.clock.now_ms += 2 * 60_000
  await pullInto(loaded, source, account.context)
  expect(account.server.tokens_granted).toBe(2)
})

test('a token that is revoked in the middle of a pull is replaced once, and nothing is missed', async () => {
  account.server.page_size = 5
  for (let n = 0; n < 20; n += 1) account.server.putCall(callItem(`c${n}`, T0 + n * 60_000))
  let revoked = false
  account.server.fault = ({ query }) => {
    if (!revoked && query.get('syncType') === 'ISync') {
      revoked = true
      account.server.revokeTokens()
    }
    return undefined
  }
  await pullInto(loaded, account.source(), account.context)
  expect(callsLoaded()).toBe(20)
  expect(account.server.tokens_granted).toBe(2)
})

test('a server that takes no token at all is asked with one new one, and then believed', async () => {
  account.server.fault = () => ({ status: 401 })
  await expect(pullInto(loaded, account.source(), account.context)).rejects.toMatchObject({ code: 'source_rejected', details: { status: 401 } })
  expect(account.server.requests).toHaveLength(2)
})

test('two who need a token at once get the same', async () => {
  const token = new AccessToken(account.server.url, account.server.client, {})
  const values = await Promise.all([token.get(account.context), token.get(account.context), token.get(account.context, 'an older one')])
  expect(new Set(values)).toEqual(new Set(['token-1']))
  expect(account.server.tokens_granted).toBe(1)
  // Both were refused with the same token: one renewal.
  expect(await Promise.all([token.get(account.context, 'token-1'), token.get(account.context, 'token-1')])).toEqual(['token-2', 'token-2'])
})

test('no group goes over its limit by itself', async () => {
  account.server.page_size = 1
  account.server.extensions = Array.from({ length: 70 }, (_, n) => person(100 + n))
  for (let n = 0; n < 25; n += 1) account.server.putCall(callItem(`c${n}`, T0 + n * 60_000))
  const began_ms = account.context.clock.now_ms
  await pullInto(loaded, account.source(), account.context)
  expect(callsLoaded()).toBe(25)
  expect(account.server.refused_by_limit).toBe(0)
  expect(account.context.clock.now_ms - began_ms).toBeGreaterThanOrEqual(2 * 60_000)
})

test.each([true, false])('nothing is sent while a penalty lasts, whether a Retry-After says so (%s) or not', async (says) => {
  account.server.says_retry_after = says
  account.server.extensions = [person(101), person(102)]
  account.server.putCall(callItem('a', T0))
  account.server.putMessage('101', smsItem(1, T0))
  // Somebody else used the account up.
  for (const group of ['heavy', 'medium', 'light'] as const) account.server.penalise(group)
  const began_ms = account.context.clock.now_ms
  await pullInto(loaded, account.source(), account.context)
  expect(callsLoaded()).toBe(1)
  expect(alive(loaded, 'messages/1')).toBeDefined()
  // The first of each group could not know.
  expect(account.server.sent_in_penalty).toBeLessThanOrEqual(3)
  expect(account.context.clock.now_ms - began_ms).toBeGreaterThanOrEqual(30_000)
})

test('an answer that says nothing is left keeps the group waiting for the window', async () => {
  account.server.page_size = 1
  account.server.putCall(callItem('a', T0))
  account.server.putCall(callItem('b', T0 + 60_000))
  const sent_ms: number[] = []
  const body = JSON.stringify({ records: [], syncInfo: { syncType: 'FSync', syncToken: '0', newerRecordsExist: true } })
  account.server.fault = ({ path }) => {
    if (!path.endsWith('extract-sync')) return undefined
    sent_ms.push(account.context.clock.now_ms)
    const headers = { 'x-rate-limit-group': 'heavy', 'x-rate-limit-limit': '10', 'x-rate-limit-remaining': '0', 'x-rate-limit-window': '60' }
    return sent_ms.length === 1 ? { status: 200, headers, body } : undefined
  }
  await pullInto(loaded, account.source(), account.context)
  expect(sent_ms[1]! - sent_ms[0]!).toBeGreaterThanOrEqual(60_000)
  expect(callsLoaded()).toBe(2)
})

test('a 200 with an HTML page is tried again, and never taken for data', async () => {
  account.server.putCall(callItem('a', T0))
  let failures = 2
  account.server.fault = ({ path }) =>
    path.endsWith('extract-sync') && failures-- > 0
      ? { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>+15550100200</html>' }
      : undefined
  await pullInto(loaded, account.source(), account.context)
  expect(callsLoaded()).toBe(1)
  account.server.fault = () => ({ status: 200, body: '<html>+15550100200</html>' })
  const broken = account.source().check!(account.context)
  await expect(broken).rejects.toMatchObject({ code: 'source_garbled', message: expect.not.stringContaining('5550100') })
})

test('a list of extensions that names its own page as the next one ends in an error', async () => {
  const nextPage = { uri: `${account.server.url}/restapi/v1.0/account/1/extension?page=1` }
  const body = JSON.stringify({ records: [person(1)], navigation: { nextPage } })
  account.server.fault = ({ path }) => (path.endsWith('/extension') ? { status: 200, body } : undefined)
  await expect(pullInto(loaded, account.source(), account.context)).rejects.toMatchObject({ code: 'source_garbled' })
  expect(account.server.asked('/extension')).toHaveLength(1)
})

test('a pull that is stopped ends quietly', async () => {
  const stop = new AbortController()
  account.server.fault = () => {
    stop.abort()
    return undefined
  }
  expect(await pullInto(loaded, account.source(), { ...account.context, signal: stop.signal })).toEqual([])
})

test('of several who ask at once one learns of the penalty, and the others wait', async () => {
  account.server.penalise('light')
  const source = account.source()
  await Promise.all([1, 2, 3].map(() => source.check!(account.context)))
  expect(account.server.sent_in_penalty).toBe(1)
})
