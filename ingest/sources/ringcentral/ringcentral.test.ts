/** The pull end to end: a stateful RingCentral on a real socket, its syncs, and what changes late. */
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CallMemory } from './call-memory.ts'
import { readCallRecord } from './call-records.ts'
import { alive, at, callItem, inputsOf, person, pullInto, rejectsOf, smsItem, startAccount, type Loaded, type TestAccount } from './test-account.ts'

const T0 = Date.UTC(2026, 1, 20, 12)
const MINUTE = 60_000
let account: TestAccount
let loaded: Loaded

beforeEach(async () => {
  account = await startAccount()
  loaded = new Map()
})
afterEach(() => account.server.stop())

const session = (id: string, started_ms = T0): string => callItem(id, started_ms)['telephonySessionId'] as string

test('a call record becomes a call, its legs and segments; answer, ring and talk come from the legs', async () => {
  account.server.putCall(callItem('a', T0, { billing: { costIncluded: 0, costPurchased: 0.0125 } }))
  const batches = await pullInto(loaded, account.source(), account.context)
  expect(inputsOf(batches)).toBe(1)
  expect(alive(loaded, `calls/${session('a')}`)).toMatchObject({
    anchor_at: T0,
    version: T0 + 74_000,
    direction: 'inbound',
    from_number: '+15550100300',
    to_number: '+15550100200',
    started_at: T0,
    answered_at: T0 + 4_000,
    ended_at: T0 + 54_000,
    disposition: 'answered',
    final_agent_id: '101',
    leg_count: 2,
    ring_ms: 4_000,
    talk_ms: 50_000,
    cost: '0.012500',
    currency: 'USD',
  })
  expect(alive(loaded, 'call_legs/a/0')).toMatchObject({ call_id: session('a'), seq: 0, parent_leg_id: undefined, bill_ms: 54_000 })
  expect(alive(loaded, 'call_legs/a/1')).toMatchObject({ parent_leg_id: 'a/0', direction: 'outbound', extension_id: '101', bill_ms: 50_000 })
  expect(alive(loaded, 'call_segments/a/1')).toMatchObject({
    leg_id: 'a/1',
    kind: 'talk',
    agent_id: '101',
    started_at: T0 + 4_000,
    ended_at: T0 + 54_000,
  })
})

test('the first sync reads all pages, later ones only what changed, and a quiet one nothing', async () => {
  account.server.page_size = 10
  for (let n = 0; n < 25; n += 1) account.server.putCall(callItem(`c${n}`, T0 + n * MINUTE))
  const source = account.source()
  const first = await pullInto(loaded, source, account.context)
  expect(inputsOf(first)).toBe(25)
  const asked = account.server.asked('/call-log-extract-sync').map(({ query }) => query.get('syncType'))
  expect(asked).toEqual(['FSync', 'ISync', 'ISync'])
  const complete_ms = account.context.clock.now_ms
  expect(first.find(({ coverage }) => coverage)?.coverage?.[0]).toEqual({
    entity: 'calls',
    from_ms: Date.UTC(2026, 2, 1) - 90 * 86_400_000,
    to_ms: complete_ms - MINUTE,
  })
  expect(inputsOf(await pullInto(loaded, source, account.context))).toBe(0)
  account.server.putCall(
    callItem('c3', T0 + 3 * MINUTE, { lastModifiedTime: at(T0 + 10 * MINUTE), recording: { id: '9', contentUri: 'https://media/9' } }),
  )
  expect(inputsOf(await pullInto(loaded, source, account.context))).toBe(1)
  expect(alive(loaded, 'recordings/9')).toMatchObject({ call_id: session('c3', T0 + 3 * MINUTE), anchor_at: T0 + 3 * MINUTE, uri: 'https://media/9' })
})

test('billing that comes late moves lastModifiedTime and wins; reading it again changes nothing', async () => {
  account.server.putCall(callItem('a', T0))
  const source = account.source()
  await pullInto(loaded, source, account.context)
  expect(alive(loaded, `calls/${session('a')}`)).toMatchObject({ cost: null })
  account.server.putCall(callItem('a', T0, { lastModifiedTime: at(T0 + 5 * MINUTE), billing: { costPurchased: 0.1 } }))
  await pullInto(loaded, source, account.context)
  expect(alive(loaded, `calls/${session('a')}`)).toMatchObject({ cost: '0.100000' })
  const before = structuredClone([...loaded])
  account.context.saved.clear()
  await pullInto(loaded, source, account.context)
  expect([...loaded]).toEqual(before)
})

test('the records of one call are one call, on whichever pages they come, and after a restart too', async () => {
  account.server.page_size = 1
  const shared = { telephonySessionId: session('a') }
  account.server.putCall(callItem('a', T0, { ...shared, result: 'Missed', legs: undefined, duration: 10 }))
  account.server.putCall(callItem('b', T0 + 20_000, shared))
  await pullInto(loaded, account.source(), account.context)
  const call = { started_at: T0, answered_at: T0 + 24_000, ended_at: T0 + 74_000, disposition: 'answered', leg_count: 3 }
  expect(alive(loaded, `calls/${session('a')}`)).toMatchObject(call)
  // A new process knows the other record from the checkpoint alone.
  account.server.putCall(callItem('a', T0, { ...shared, result: 'Missed', legs: undefined, duration: 10, lastModifiedTime: at(T0 + 9 * MINUTE) }))
  await pullInto(loaded, account.source(), account.context)
  expect(alive(loaded, `calls/${session('a')}`)).toMatchObject(call)
  expect(alive(loaded, `calls/${session('a')}`)!['version']).toBeGreaterThan(T0 + 9 * MINUTE)
})

test('a record that is removed takes its legs and recording along, and the call when it was the last', async () => {
  const recording = { id: '9', contentUri: 'https://media/9' }
  account.server.putCall(callItem('a', T0, { recording }))
  const source = account.source()
  await pullInto(loaded, source, account.context)
  account.server.putCall(callItem('a', T0, { recording, deleted: true, lastModifiedTime: at(T0 + 9 * MINUTE) }))
  await pullInto(loaded, source, account.context)
  for (const key of [`calls/${session('a')}`, 'call_legs/a/1', 'call_segments/a/0', 'recordings/9']) expect(alive(loaded, key)).toBeUndefined()
})

test.each(['a full sync is forced', 'the record limit is exceeded'])('where %s nothing is lost', async (why) => {
  account.server.putCall(callItem('a', T0))
  const source = account.source()
  await pullInto(loaded, source, account.context)
  const complete_ms = account.context.clock.now_ms
  account.server.putCall(callItem('late', T0 + MINUTE, { lastModifiedTime: at(complete_ms - 30_000) }))
  account.context.clock.now_ms += 10 * MINUTE
  account.server.putCall(callItem('new', T0 + 2 * MINUTE, { lastModifiedTime: at(complete_ms + 8 * MINUTE) }))
  let exceeded = why.startsWith('the record limit') ? 1 : 0
  account.server.full_syncs_to_force = 1 - exceeded
  account.server.fault = ({ query }) =>
    query.get('syncType') === 'ISync' && exceeded-- > 0 ? { status: 400, body: '{"message":"max sync record number limit is exceeded"}' } : undefined
  await pullInto(loaded, source, account.context)
  expect(alive(loaded, `calls/${session('late', T0 + MINUTE)}`)).toBeDefined()
  expect(alive(loaded, `calls/${session('new', T0 + 2 * MINUTE)}`)).toBeDefined()
  expect(account.server.asked('extract-sync').at(-1)!.query.get('dateFrom')).toBe(at(complete_ms - 5 * MINUTE))
})

test('a server that asks for a full sync again and again is called broken, not asked for ever', async () => {
  account.server.putCall(callItem('a', T0))
  const source = account.source()
  await pullInto(loaded, source, account.context)
  account.server.page_size = 1
  account.server.putCall(callItem('b', account.context.clock.now_ms))
  account.server.putCall(callItem('c', account.context.clock.now_ms))
  account.server.full_syncs_to_force = 100
  await expect(pullInto(loaded, source, account.context)).rejects.toMatchObject({ code: 'source_garbled' })
  expect(account.server.asked('extract-sync').length).toBeLessThan(12)
})

test('an answer that repeats the token it was asked with is no endless loop', async () => {
  const body = JSON.stringify({ records: [], syncInfo: { syncType: 'ISync', syncToken: 'x', newerRecordsExist: true } })
  account.server.fault = ({ path }) => (path.endsWith('extract-sync') ? { status: 200, body } : undefined)
  await expect(pullInto(loaded, account.source(), account.context)).rejects.toMatchObject({ code: 'source_garbled' })
})

test('a checkpoint from the future is not believed', async () => {
  account.server.putCall(callItem('a', T0))
  const from_ms = account.context.clock.now_ms - 90 * 86_400_000
  account.context.saved.set('call_log', { format: 1, from_ms, token: '999', complete_ms: account.context.clock.now_ms + 86_400_000, calls: [] })
  await pullInto(loaded, account.source(), account.context)
  expect(alive(loaded, `calls/${session('a')}`)).toBeDefined()
})

test('extensions are people and queues; a change is seen, what is listed no more is gone', async () => {
  const queue = {
    id: 201,
    type: 'Department',
    name: 'Sales',
    extensionNumber: '9',
    callQueueInfo: { slaThresholdSeconds: 20, abandonedThresholdSeconds: 5 },
  }
  account.server.extensions = [...Array.from({ length: 120 }, (_, n) => person(1000 + n)), person(101), queue]
  const source = account.source({ message_extensions: [] })
  expect(inputsOf(await pullInto(loaded, source, account.context))).toBe(122)
  expect(alive(loaded, 'users/101')).toMatchObject({
    user_id: '101',
    name: 'Person 101',
    email: 'p101@example.com',
    extension_id: '101',
    team: 'Support',
  })
  expect(alive(loaded, 'extensions/101')).toMatchObject({ extension_id: '101', number: '101', user_id: '101', kind: 'User' })
  expect(alive(loaded, 'queues/201')).toMatchObject({
    queue_id: '201',
    name: 'Sales',
    service_level_threshold_ms: 20_000,
    short_abandon_threshold_ms: 5_000,
  })
  expect(inputsOf(await pullInto(loaded, source, account.context))).toBe(0)
  account.context.clock.now_ms += 10 * MINUTE
  account.server.extensions = [person(101, { name: 'Renamed' }), queue]
  expect(inputsOf(await pullInto(loaded, source, account.context))).toBe(1)
  expect(alive(loaded, 'users/101')).toMatchObject({ name: 'Renamed' })
  expect(alive(loaded, 'users/1000')).toBeUndefined()
  expect(alive(loaded, 'queues/201')).toBeDefined()
})

test('messages: a full sync goes back to the first, later ones bring changes and removals, and no body is kept', async () => {
  account.server.extensions = [person(101)]
  account.server.page_size = 4
  for (let n = 1; n <= 10; n += 1) account.server.putMessage('101', smsItem(n, T0 + n * 1000))
  account.server.putMessage('101', {
    ...smsItem(50, T0 + 50_000),
    type: 'VoiceMail',
    direction: 'Inbound',
    readStatus: 'Unread',
    messageStatus: 'Received',
    vmTranscriptionStatus: 'InProgress',
    attachments: [{ id: 1, type: 'AudioRecording', vmDuration: 15 }],
  })
  const source = account.source()
  await pullInto(loaded, source, account.context)
  expect([...loaded.keys()].filter((key) => key.startsWith('messages/'))).toHaveLength(10)
  expect(alive(loaded, 'messages/1')).toMatchObject({
    direction: 'outbound',
    status: 'queued',
    conversation_id: '77',
    user_id: '101',
    created_at: T0 + 1000,
  })
  expect(alive(loaded, 'voicemails/50')).toMatchObject({ mailbox: '101', duration_ms: 15_000, read_at: null, transcript_status: 'InProgress' })
  expect(JSON.stringify([...loaded])).not.toContain('the secret text')

  account.context.clock.now_ms += MINUTE
  const now_ms = account.context.clock.now_ms
  account.server.putMessage(
    '101',
    smsItem(1, T0 + 1000, { messageStatus: 'Delivered', smsDeliveryTime: at(now_ms - 500), lastModifiedTime: at(now_ms) }),
  )
  account.server.putMessage('101', smsItem(2, T0 + 2000, { availability: 'Deleted', lastModifiedTime: at(now_ms) }))
  account.server.putMessage('101', { ...smsItem(3, T0 + 3000), availability: 'Purged', lastModifiedTime: at(now_ms) })
  const voicemail = { type: 'VoiceMail', readStatus: 'Read', vmTranscriptionStatus: 'Completed', lastModifiedTime: at(now_ms) }
  account.server.putMessage('101', smsItem(50, T0 + 50_000, voicemail))
  expect(inputsOf(await pullInto(loaded, source, account.context))).toBe(4)
  expect(alive(loaded, 'messages/1')).toMatchObject({ status: 'delivered', delivered_at: now_ms - 500 })
  expect(alive(loaded, 'messages/2')).toBeUndefined()
  expect(alive(loaded, 'messages/3')).toBeUndefined()
  expect(alive(loaded, 'voicemails/50')).toMatchObject({ read_at: now_ms, transcript_status: 'Completed' })
  // The next answer overlaps by five seconds; the same again is no input. Out of the trash it is back.
  expect(inputsOf(await pullInto(loaded, source, account.context))).toBe(0)
  account.server.putMessage('101', smsItem(2, T0 + 2000, { lastModifiedTime: at(now_ms + 1) }))
  await pullInto(loaded, source, account.context)
  expect(alive(loaded, 'messages/2')).toBeDefined()
})

test('a message that changes while a full sync goes back is seen by the next pull', async () => {
  account.server.extensions = [person(101)]
  account.server.page_size = 4
  for (let n = 1; n <= 10; n += 1) account.server.putMessage('101', smsItem(n, T0 + n * 1000))
  account.server.fault = ({ path, query }) => {
    if (!path.endsWith('message-sync') || query.get('dateTo') === null) return undefined
    const change = { messageStatus: 'Delivered', lastModifiedTime: at(account.context.clock.now_ms) }
    if (alive(loaded, 'messages/10')?.['status'] === 'queued') account.server.putMessage('101', smsItem(10, T0 + 10_000, change))
    account.context.clock.now_ms += MINUTE
    return undefined
  }
  const source = account.source()
  await pullInto(loaded, source, account.context)
  expect(alive(loaded, 'messages/10')).toMatchObject({ status: 'queued' })
  account.server.fault = () => undefined
  await pullInto(loaded, source, account.context)
  expect(alive(loaded, 'messages/10')).toMatchObject({ status: 'delivered' })
})

test('a message token that is refused means a full sync from the beginning; a mailbox that may not be read is left out', async () => {
  account.server.extensions = [person(101), person(102)]
  account.server.putMessage('101', smsItem(1, T0))
  account.server.fault = ({ path }) => (path.includes('/extension/102/') ? { status: 403, body: '{}' } : undefined)
  const source = account.source()
  await pullInto(loaded, source, account.context)
  account.server.putMessage('101', smsItem(2, T0 + 1000))
  account.context.saved.set('messages/101', { ...(account.context.saved.get('messages/101') as object), token: 'm-old' })
  await pullInto(loaded, source, account.context)
  expect(alive(loaded, 'messages/2')).toBeDefined()
  expect(account.context.logged.some((line) => line.includes('may not be read'))).toBe(true)
})

test('what does not fit is a reject with a reason, without the body, at a stable position; the rest is loaded', async () => {
  account.server.extensions = [person(101)]
  const odd: [string, Record<string, unknown>][] = [
    ['duration', { duration: -1 }],
    ['duration', { duration: 'abc' }],
    ['startTime', { startTime: '2026-02-20T12:00:00' }],
    ['result', { result: 'Teleported' }],
    ['direction', { direction: 'Sideways' }],
    ['costPurchased', { billing: { costPurchased: 'free' } }],
    ['telephony', { telephonySessionId: undefined }],
    ['type', { type: 'Fax' }],
  ]
  odd.forEach(([, more], n) => account.server.putCall(callItem(`odd${n}`, T0 + n, more)))
  account.server.putCall(callItem('good', T0, { legs: undefined, unknownField: { kept: true } }))
  account.server.putMessage('101', smsItem(1, T0, { messageStatus: 'Lost' }))
  account.server.putMessage('101', smsItem(2, T0, { type: 'Fax' }))
  const batches = await pullInto(loaded, account.source(), account.context)
  const rejects = rejectsOf(batches)
  expect(rejects.map(({ reason, code }) => `${code} ${reason.split(' ')[0]}`)).toEqual(
    expect.arrayContaining([
      'field_invalid duration',
      'field_invalid startTime',
      'field_invalid result',
      'identity_missing sessionId',
      'unknown_entity type',
    ]),
  )
  expect(rejects).toHaveLength(odd.length + 2)
  expect(inputsOf(batches)).toBe(odd.length + 2 + 1 + 1)
  expect(JSON.stringify(rejects)).not.toContain('the secret text')
  expect(alive(loaded, `calls/${session('good')}`)!['payload']).toContain('unknownField')
  const again = await pullInto(new Map(), account.source(), { ...account.context, checkpoint: async () => undefined })
  expect(
    rejectsOf(again)
      .map(({ position }) => position)
      .toSorted(),
  ).toEqual(rejects.map(({ position }) => position).toSorted())
})

test('a subscription is made once, and renewed before it ends', async () => {
  const source = account.source({ webhook_url: 'https://example.com/hook', webhook_token: 'a-token-of-our-own' })
  await pullInto(loaded, source, account.context)
  expect(account.server.subscriptions).toMatchObject([{ deliveryMode: { address: 'https://example.com/hook' } }])
  account.context.clock.now_ms += 5 * 86_400_000
  await pullInto(loaded, account.source({ webhook_url: 'https://example.com/hook', webhook_token: 'a-token-of-our-own' }), account.context)
  expect(account.server.subscriptions).toHaveLength(1)
  expect(Date.parse(account.server.subscriptions[0]!['expirationTime'] as string)).toBeGreaterThan(account.context.clock.now_ms + 6 * 86_400_000)
})

test('a record that comes again with fewer legs takes the others along', async () => {
  account.server.putCall(callItem('a', T0))
  const source = account.source()
  await pullInto(loaded, source, account.context)
  account.server.putCall(callItem('a', T0, { legs: undefined, lastModifiedTime: at(T0 + 9 * MINUTE) }))
  await pullInto(loaded, source, account.context)
  expect(alive(loaded, 'call_legs/a/0')).toBeDefined()
  expect(alive(loaded, 'call_legs/a/1')).toBeUndefined()
  expect(alive(loaded, 'call_segments/a/1')).toBeUndefined()
})

test('property: in whichever order the records of a call come, and in whichever version, the call is the same', () => {
  const parts = [0, 1, 2].flatMap((n) =>
    [0, 1].map((change) => {
      const more = { telephonySessionId: 'one', lastModifiedTime: at(T0 + (10 + change) * MINUTE), billing: { costPurchased: n + change / 10 } }
      return readCallRecord(callItem(`r${n}`, T0 + n * 30_000, more), '{}', 'USD').part
    }),
  )
  const joined = (order: typeof parts): Record<string, unknown> => {
    const memory = new CallMemory()
    const states = order.map((part) => memory.join(part, '{}', 'USD')[0]!.record as unknown as Record<string, unknown>)
    const versions = states.map(({ version }) => version as number)
    expect(versions).toEqual(versions.toSorted((a, b) => a - b))
    const { version: _, anchor_at: _anchor, ...call } = states.at(-1)!
    return call
  }
  fc.assert(
    fc.property(fc.shuffledSubarray(parts, { minLength: 6 }), (order) => {
      expect(joined(order)).toEqual(joined(parts))
    }),
    { numRuns: 100 },
  )
})

test('stored inputs are read again: dead letters whole, messages as they are', () => {
  const { reparse } = account.source()
  const stored = (entity: string, item: object) => reparse!({ entity, payload: JSON.stringify(item), position: 'x' })
  expect(stored('calls', callItem('a', T0)).records).toHaveLength(5)
  expect(stored('calls', callItem('a', T0, { duration: -1 })).rejects).toMatchObject([{ code: 'field_invalid' }])
  expect(stored('messages', smsItem(1, T0)).records).toMatchObject([{ entity: 'messages', record: { native_id: '1' } }])
  expect(reparse!({ entity: 'call_legs', payload: '{}', native_id: 'a/1' })).toEqual({ records: [], rejects: [] })
  expect(reparse!({ entity: '', payload: '{', position: 'x' }).rejects).toMatchObject([{ code: 'not_json' }])
})
