import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { TwilioMock } from '../../../fixtures/twilio-mock.ts'
import type { Source } from '../../source.ts'
import { testContext } from '../../test-context.ts'
import { ACCOUNT, callItem, CHILD, messageItem, pullInto, recordingItem, rfc, sid, TOKEN, usageItem } from './test-items.ts'
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
const pathsAsked = (): string[] => mock.requests.map(({ path }) => path.split('/').slice(4).join('/'))

describe('calls', () => {
  test('a root is a call and a leg; what it dialled is a leg of the same call, across pages, windows and generations', async () => {
    const midnight = Date.UTC(2026, 1, 26)
    mock.put(ACCOUNT, 'Calls', callItem(1, midnight - MINUTE))
    for (let n = 10; n < 22; n += 1) mock.put(ACCOUNT, 'Calls', callItem(n, midnight - MINUTE + n))
    mock.put(ACCOUNT, 'Calls', callItem(2, midnight + MINUTE, { parent_call_sid: sid('CA', 1), direction: 'outbound-dial' }))
    mock.put(ACCOUNT, 'Calls', callItem(3, midnight + 2 * MINUTE, { parent_call_sid: sid('CA', 2), direction: 'outbound-dial' }))
    for (const window_days of [1, 7]) {
      const { rows } = await pullInto(onlyCalls({ window_days, page_size: 3 }), testContext())
      expect(rows.get(`call_legs/${sid('CA', 3)}`)!.record).toMatchObject({
        call_id: sid('CA', 1),
        parent_leg_id: sid('CA', 2),
        direction: 'outbound',
      })
      expect(rows.get(`call_legs/${sid('CA', 2)}`)!.record).toMatchObject({ call_id: sid('CA', 1), parent_leg_id: sid('CA', 1) })
      expect(rows.get(`call_legs/${sid('CA', 1)}`)!.record).toMatchObject({ call_id: sid('CA', 1), parent_leg_id: '' })
      expect([...rows.keys()].filter((key) => key.startsWith('calls/'))).toHaveLength(13)
    }
  })

  test('a parent from before the history is asked for; one that is gone was a root', async () => {
    mock.put(ACCOUNT, 'Calls', callItem(1, Date.UTC(2025, 11, 31), { parent_call_sid: sid('CA', 9) }))
    mock.put(ACCOUNT, 'Calls', callItem(2, Date.UTC(2026, 0, 1, 1), { parent_call_sid: sid('CA', 1) }))
    const { rows } = await pullInto(onlyCalls(), testContext())
    expect(rows.get(`call_legs/${sid('CA', 2)}`)!.record).toMatchObject({ call_id: sid('CA', 9) })
    expect(pathsAsked()).toContain(`Calls/${sid('CA', 9)}.json`)
  })

  test('an empty end_time: failed, busy and live calls are listed, since the windows go by StartTime', async () => {
    const open = { end_time: null, duration: '', price: null }
    mock.put(
      ACCOUNT,
      'Calls',
      callItem(1, NOW - DAY, { ...open, status: 'busy' }),
      callItem(2, NOW - DAY, { ...open, status: 'failed' }),
      callItem(3, NOW - MINUTE, { ...open, status: 'in-progress' }),
    )
    const { rows } = await pullInto(onlyCalls(), testContext())
    expect([1, 2, 3].map((n) => (rows.get(`calls/${sid('CA', n)}`)!.record as { disposition: string }).disposition)).toEqual([
      'busy',
      'failed',
      'in_progress',
    ])
    expect(rows.get(`calls/${sid('CA', 3)}`)!.record).toMatchObject({ ended_at: null, answered_at: NOW - MINUTE })
    expect(mock.requests.every(({ query }) => !query.has('EndTime>'))).toBe(true)
  })

  test('a price that comes later wins, even where date_updated stands still; what has not changed is not handed on', async () => {
    const context = testContext()
    const source = onlyCalls()
    mock.put(ACCOUNT, 'Calls', callItem(1, NOW - 3 * DAY, { price: null }), callItem(2, NOW - 3 * DAY))
    const { rows } = await pullInto(source, context)
    const early = rows.get(`calls/${sid('CA', 1)}`)!.record
    expect(early).toMatchObject({ cost: null })
    context.clock.now_ms += 10 * DAY
    mock.put(ACCOUNT, 'Calls', callItem(1, NOW - 3 * DAY))
    const second = await pullInto(source, context, rows)
    expect(second.inputs).toBe(1)
    expect(rows.get(`calls/${sid('CA', 1)}`)!.record).toMatchObject({ cost: '0.00850', anchor_at: early.anchor_at })
    expect(rows.get(`calls/${sid('CA', 1)}`)!.record.version).toBeGreaterThan(early.version)
    expect((await pullInto(source, context, rows)).inputs).toBe(0)
  })

  test('a new process reads the look-back again, and its rows are the same', async () => {
    calls(40)
    const context = testContext()
    const first = await pullInto(onlyCalls(), context)
    const second = await pullInto(onlyCalls(), context)
    expect(second.inputs).toBe(40)
    expect([...second.rows].toSorted()).toEqual([...first.rows].toSorted())
    expect(first.batches.at(-1)!.coverage).toEqual([
      { entity: 'calls', from_ms: Date.UTC(2026, 0, 1), to_ms: NOW },
      { entity: 'call_legs', from_ms: Date.UTC(2026, 0, 1), to_ms: NOW },
    ])
  })

  test('incremental pulls come to what one full pull does', async () => {
    const context = testContext()
    const source = onlyCalls()
    const rows = new Map()
    for (let round = 0; round < 5; round += 1) {
      for (let n = 0; n < 15; n += 1)
        mock.put(ACCOUNT, 'Calls', callItem(round * 10 + n, context.now() - n * 3_600_000, { status: round % 2 ? 'completed' : 'in-progress' }))
      await pullInto(source, context, rows)
      context.clock.now_ms += DAY
    }
    const full = await pullInto(onlyCalls(), testContext({ now: context.now }))
    expect([...rows].toSorted()).toEqual([...full.rows].toSorted())
  })

  test('a restart in the middle goes on from the page that was noted, and begins the window again where that page is gone', async () => {
    calls(95)
    for (const is_gone of [false, true]) {
      const context = testContext()
      const rows = new Map()
      mock.requests.length = 0
      mock.fault = ({ n }) => (n === 10 ? { kind: 'status', status: 403 } : undefined)
      await expect(pullInto(onlyCalls({ window_days: 10 }), context, rows)).rejects.toMatchObject({ code: 'source_rejected' })
      mock.fault = ({ n, query }) => (is_gone && n <= 12 && query.has('PageToken') ? { kind: 'status', status: 400 } : undefined)
      const mark = mock.requests.length
      await pullInto(onlyCalls({ window_days: 10 }), context, rows)
      expect(rows.size).toBe(190)
      expect(mock.requests[mark]!.query.get('PageToken') === null).toBe(false)
    }
  })
})

describe('messages', () => {
  test('price, status and segments come late; the body is never kept', async () => {
    const context = testContext()
    const source = twilio({ lists: ['messages'] })
    mock.put(ACCOUNT, 'Messages', messageItem(1, NOW - DAY, { status: 'sent', num_segments: '0', price: null, messaging_service_sid: 'MG1' }))
    const { rows, batches } = await pullInto(source, context)
    expect(rows.get(`messages/${sid('SM', 1)}`)!.record).toMatchObject({ status: 'sent', segments: 0, price: null, campaign: 'MG1' })
    expect(JSON.stringify(batches)).not.toContain('hello Bob')
    mock.put(ACCOUNT, 'Messages', messageItem(1, NOW - DAY, { num_segments: '2', messaging_service_sid: 'MG1' }))
    await pullInto(source, context, rows)
    expect(rows.get(`messages/${sid('SM', 1)}`)!.record).toMatchObject({ status: 'delivered', segments: 2, price: '0.0075', currency: 'USD' })
  })
})

describe('recordings', () => {
  test('a later status is seen, a deleted one is a tombstone, and -1 seconds are only a running one’s', async () => {
    const context = testContext()
    const source = twilio({ lists: ['recordings'] })
    mock.put(
      ACCOUNT,
      'Recordings',
      recordingItem(1, NOW - DAY, { status: 'processing', duration: '-1' }),
      recordingItem(2, NOW - DAY),
      recordingItem(3, NOW - DAY, { duration: '-1' }),
    )
    const { rows, rejects } = await pullInto(source, context)
    expect(rows.get(`recordings/${sid('RE', 1)}`)!.record).toMatchObject({
      status: 'processing',
      duration_ms: 0,
      leg_id: sid('CA', 1),
      call_id: sid('CA', 1),
    })
    expect(rejects).toMatchObject([{ code: 'field_invalid', reason: expect.stringContaining('duration') }])
    mock.put(ACCOUNT, 'Recordings', recordingItem(1, NOW - DAY), recordingItem(2, NOW - DAY, { status: 'deleted' }))
    await pullInto(source, context, rows)
    expect(rows.get(`recordings/${sid('RE', 1)}`)!.record).toMatchObject({
      status: 'completed',
      duration_ms: 42_000,
      channels: 2,
      uri: `${mock.url}/2010-04-01/Accounts/${ACCOUNT}/Recordings/${sid('RE', 1)}`,
    })
    expect(rows.get(`recordings/${sid('RE', 2)}`)!.record).toMatchObject({ is_deleted: true })
  })
})

test('every participant of a conference is kept, and its beginning and end', async () => {
  const conference = {
    sid: sid('CF', 1),
    account_sid: ACCOUNT,
    friendly_name: 'room',
    region: 'us1',
    status: 'in-progress',
    date_created: rfc(NOW - MINUTE),
    date_updated: rfc(NOW - MINUTE),
  }
  const context = testContext()
  const source = twilio({ lists: ['conferences'] })
  mock.put(ACCOUNT, 'Conferences', conference)
  mock.put(ACCOUNT, 'Calls', callItem(1, NOW - MINUTE), callItem(2, NOW - MINUTE, { parent_call_sid: sid('CA', 1) }))
  for (const n of [1, 2, 3])
    mock.put(ACCOUNT, `Conferences/${sid('CF', 1)}/Participants`, {
      account_sid: ACCOUNT,
      conference_sid: sid('CF', 1),
      call_sid: sid('CA', n),
      date_created: rfc(NOW - n),
      status: 'connected',
    })
  const { rows } = await pullInto(source, context)
  expect([...rows.keys()].toSorted()).toEqual(
    [...[1, 2, 3].map((n) => `call_events/${sid('CF', 1)}/${sid('CA', n)}`), `call_events/${sid('CF', 1)}/start`].toSorted(),
  )
  expect(rows.get(`call_events/${sid('CF', 1)}/${sid('CA', 2)}`)!.record).toMatchObject({
    call_id: sid('CA', 1),
    leg_id: sid('CA', 2),
    kind: 'conference-join',
  })
  mock.put(ACCOUNT, 'Conferences', {
    ...conference,
    status: 'completed',
    date_updated: rfc(NOW),
    call_sid_ending_conference: sid('CA', 1),
    reason_conference_ended: 'last-participant-left',
  })
  await pullInto(source, context, rows)
  expect(rows.get(`call_events/${sid('CF', 1)}/end`)!.record).toMatchObject({ occurred_at: NOW, leg_id: sid('CA', 1), anchor_at: NOW - MINUTE })
})

test('transcriptions: a complete first pass, then no further than the look-back', async () => {
  const item = (n: number, over = {}): Record<string, unknown> => ({
    sid: sid('TR', n),
    recording_sid: sid('RE', n),
    status: 'completed',
    transcription_text: `word ${n}`,
    price: -0.05,
    date_created: rfc(NOW - n * DAY),
    date_updated: rfc(NOW - n * DAY),
    ...over,
  })
  mock.put(
    ACCOUNT,
    'Transcriptions',
    ...Array.from({ length: 95 }, (_, n) => item(n)),
    item(0, { status: 'in-progress', transcription_text: null, price: null }),
  )
  const context = testContext()
  const source = twilio({ lists: ['transcriptions'] })
  const { rows } = await pullInto(source, context)
  expect(rows.size).toBe(95)
  mock.requests.length = 0
  mock.put(ACCOUNT, 'Transcriptions', item(0))
  expect((await pullInto(source, context, rows)).inputs).toBe(1)
  expect(mock.requests.length).toBe(3)
  expect(rows.get(`transcripts/${sid('TR', 0)}`)!.record).toMatchObject({ recording_id: sid('RE', 0), text: 'word 0', engine: 'twilio' })
})

describe('usage', () => {
  test('subaccounts are never doubled: each account has its own rows, and the parent’s hold nobody else’s', async () => {
    mock.parents.set(CHILD, ACCOUNT)
    mock.put(ACCOUNT, 'Usage/Records/Daily', usageItem('calls', '2026-02-20'))
    mock.put(CHILD, 'Usage/Records/Daily', usageItem('calls', '2026-02-20', { account_sid: CHILD, usage: '5' }))
    const { rows } = await pullInto(twilio({ lists: ['usage'], subaccounts: [CHILD, ACCOUNT] }), testContext())
    expect([...rows.values()].map(({ record }) => [record.native_id, (record as { quantity: number }).quantity]).toSorted()).toEqual([
      [`${ACCOUNT}/calls/2026-02-20`, 12],
      [`${CHILD}/calls/2026-02-20`, 5],
    ])
    expect(mock.requests.every(({ query }) => query.get('IncludeSubaccounts') === 'false')).toBe(true)
  })

  test('categories overlap: each keeps its own row, and nothing additive is made of any', async () => {
    mock.put(ACCOUNT, 'Usage/Records/Daily', ...['totalprice', 'calls', 'calls-inbound'].map((category) => usageItem(category, '2026-02-20')))
    const { rows } = await pullInto(twilio({ lists: ['usage'] }), testContext())
    expect([...rows.keys()].every((key) => key.startsWith('usage/'))).toBe(true)
    expect([...rows.values()].map(({ record }) => (record as { category: string }).category).toSorted()).toEqual([
      'calls',
      'calls-inbound',
      'totalprice',
    ])
    expect(rows.get(`usage/${ACCOUNT}/calls/2026-02-20`)!.record).toMatchObject({
      day: '2026-02-20',
      unit: 'minutes',
      price: '1.500000',
      currency: 'USD',
    })
  })

  test('only a new as_of is no news; a rerating is; a total over days is refused', async () => {
    const context = testContext()
    const source = twilio({ lists: ['usage'] })
    mock.put(ACCOUNT, 'Usage/Records/Daily', usageItem('sms', '2026-02-20'), usageItem('totalprice', '2026-02-01', { end_date: '2026-02-28' }))
    const { rows, rejects } = await pullInto(source, context)
    expect(rejects).toMatchObject([{ code: 'field_invalid', reason: expect.stringContaining('end_date') }])
    const list = mock.lists.get(`${ACCOUNT}/Usage/Records/Daily`)!
    list[0]!['as_of'] = '2026-03-02T00:00:00+00:00'
    expect(await pullInto(source, context, rows)).toMatchObject({ inputs: 0, rejects: [] })
    list[0]!['price'] = 2
    await pullInto(source, context, rows)
    expect(rows.get(`usage/${ACCOUNT}/sms/2026-02-20`)!.record).toMatchObject({ price: '2.000000' })
  })
})

test('a balance is kept when it changes, and a child account has none', async () => {
  const context = testContext()
  const source = twilio({ lists: ['balance'], subaccounts: [CHILD] })
  expect((await pullInto(source, context)).batches).toEqual([])
  mock.balances.set(ACCOUNT, { balance: '12.34', currency: 'USD' })
  const { rows } = await pullInto(source, context)
  expect([...rows.values()]).toMatchObject([{ entity: 'balances', record: { account_id: ACCOUNT, amount: '12.34', currency: 'USD', as_of: NOW } }])
  expect((await pullInto(source, context)).inputs).toBe(0)
  expect(pathsAsked().every((path) => path === 'Balance.json')).toBe(true)
})

test('numbers: added, renamed, and a tombstone for one that is gone', async () => {
  const number = (n: number, label: string): Record<string, unknown> => ({
    sid: sid('PN', n),
    phone_number: `+1500555000${n}`,
    friendly_name: label,
    date_created: rfc(NOW - n * 100 * DAY),
    date_updated: rfc(NOW),
  })
  const context = testContext()
  const source = twilio({ lists: ['numbers'], page_size: 1 })
  mock.put(ACCOUNT, 'IncomingPhoneNumbers', number(1, 'Sales'), number(2, 'Help'))
  const { rows } = await pullInto(source, context)
  expect(rows.get(`numbers/${sid('PN', 2)}`)!.record).toMatchObject({ number: '+15005550002', label: 'Help', valid_from: NOW - 200 * DAY })
  mock.lists.set(`${ACCOUNT}/IncomingPhoneNumbers`, [number(1, 'Sales')])
  expect((await pullInto(source, context, rows)).inputs).toBe(0)
  expect(rows.get(`numbers/${sid('PN', 2)}`)!.record).toMatchObject({ is_deleted: true, anchor_at: NOW - 200 * DAY })
})

test('check makes one request and says whose account it is; an API key is let in too', async () => {
  mock.credentials.add('SK1:key-secret')
  expect(await twilio({ auth_token: undefined as never, api_key: 'SK1', api_secret: 'key-secret' }).check!(testContext())).toEqual({
    account: ACCOUNT,
  })
  expect(mock.requests).toHaveLength(1)
})

test.each<[string, Partial<TwilioOptions>]>([
  ['account_sid', { account_sid: 'AC12' }],
  ['auth_token', { auth_token: 'a b' }],
  ['subaccounts', { subaccounts: ['me'] }],
  ['lists', { lists: ['faxes' as never] }],
  ['history_from', { history_from: 'last year' }],
  ['page_size', { page_size: 1001 }],
  ['url', { url: 'https://user@api.twilio.com' }],
])('a wrong %s is refused when the source is made', (option, wrong) => {
  expect(() => twilio(wrong)).toThrow(expect.objectContaining({ code: 'config_invalid', message: expect.stringContaining(option) }))
})

test('what was stored reads again to the same, and what needs its neighbours is left alone', async () => {
  mock.put(ACCOUNT, 'Calls', callItem(1, NOW - DAY), callItem(2, NOW - DAY, { parent_call_sid: sid('CA', 1) }))
  mock.put(ACCOUNT, 'Messages', messageItem(1, NOW - DAY))
  mock.put(ACCOUNT, 'Recordings', recordingItem(1, NOW - DAY))
  mock.put(ACCOUNT, 'Usage/Records/Daily', usageItem('sms', '2026-02-20'))
  mock.balances.set(ACCOUNT, { balance: '1', currency: 'USD' })
  const source = twilio()
  const { rows } = await pullInto(source, testContext())
  expect(rows.size).toBe(7)
  for (const { entity, record } of rows.values()) {
    const again = source.reparse!({ entity, payload: record.payload!, native_id: record.native_id })
    expect(again).toEqual({ rejects: [], records: (record as { parent_leg_id?: string }).parent_leg_id ? [] : [{ entity, record }] })
  }
})
