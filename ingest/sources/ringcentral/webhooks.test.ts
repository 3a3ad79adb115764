/** What RingCentral sends by itself. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Pushed, PushRequest } from '../../source.ts'
import { receiveNotification } from './webhooks.ts'

const TOKEN = 'a-verification-token'

function push(body: unknown, headers: Record<string, string> = { 'verification-token': TOKEN }): Pushed {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const request: PushRequest = { method: 'POST', url: '/v1/ingest/rc', headers, body: bytes }
  return receiveNotification(request, TOKEN)
}

const session = (sequence: number, status: object, more: object = {}): object => ({
  uuid: String(sequence),
  event: '/restapi/v1.0/account/1/telephony/sessions',
  timestamp: '2026-02-20T12:00:09.000Z',
  body: {
    sequence,
    telephonySessionId: 's-1',
    eventTime: `2026-02-20T12:00:${String(sequence).padStart(2, '0')}.000Z`,
    parties: [{ id: 'p-1', extensionId: '101', direction: 'Inbound', status }],
    ...more,
  },
})

test('the handshake of a new subscription is answered with its own token, and nothing is taken in', () => {
  const pushed = push('', { 'validation-token': 'f4ab-1' })
  expect(pushed).toMatchObject({ inputs: 0, records: [], rejects: [], answer: { status: 200, headers: { 'validation-token': 'f4ab-1' } } })
})

test.each([
  {},
  { 'verification-token': 'another' },
  { 'verification-token': '' },
  { 'validation-token': 'f4ab-1' },
  { 'validation-token': 'a\r\nb: c' },
])('a notification without the verification token is refused: %j', (headers) => {
  expect(() => push(session(1, { code: 'Setup' }), headers as Record<string, string>)).toThrow(
    expect.objectContaining({ code: 'signature_invalid', status: 403 }),
  )
})

test('a source without a webhook_token takes no notification', () => {
  const request: PushRequest = { method: 'POST', url: '/', headers: { 'verification-token': '' }, body: Buffer.from('{}') }
  expect(() => receiveNotification(request, undefined)).toThrow(expect.objectContaining({ code: 'signature_invalid' }))
  expect(() => receiveNotification(request, '')).toThrow(expect.objectContaining({ code: 'signature_invalid' }))
})

test('a session event becomes an event of the call, per party', () => {
  const { inputs, records } = push(session(3, { code: 'Answered' }))
  expect(inputs).toBe(1)
  expect(records).toMatchObject([
    {
      entity: 'call_events',
      record: {
        native_id: 's-1/0000000003/p-1',
        anchor_at: Date.UTC(2026, 1, 20, 12, 0, 3),
        call_id: 's-1',
        leg_id: 'p-1',
        occurred_at: Date.UTC(2026, 1, 20, 12, 0, 3),
        kind: 'Answered',
        agent_id: '101',
      },
    },
  ])
  expect(JSON.parse((records[0]!.record as { attributes: string }).attributes)).toEqual({ sequence: 3, code: 'Answered', direction: 'Inbound' })
})

test('a party that leaves because it was handed on has not ended the call', () => {
  const kindOf = (status: object): string => (push(session(1, status)).records[0]!.record as { kind: string }).kind
  for (const reason of ['BlindTransfer', 'AttendedTransfer', 'CallPark', 'Pickup']) {
    expect(kindOf({ code: 'Disconnected', reason })).toBe('Transferred')
    expect(kindOf({ code: 'Gone', reason })).toBe('Transferred')
  }
  expect(kindOf({ code: 'Disconnected' })).toBe('Disconnected')
  expect(kindOf({ code: 'Disconnected', reason: 'NoAnswer' })).toBe('Disconnected')
  expect(kindOf({ code: 'Hold', reason: 'BlindTransfer' })).toBe('Hold')
})

test('property: however events arrive, and however often, their ids are in the order of their sequence', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat({ max: 2_000_000_000 }), { minLength: 1, maxLength: 20 }), fc.infiniteStream(fc.nat()), (sequences, chance) => {
      const delivered = [...sequences, ...sequences].toSorted(() => (chance.next().value % 2) - 0.5)
      const byId = new Map<string, number>()
      for (const sequence of delivered) {
        const more = { sequence, eventTime: '2026-02-20T12:00:00.000Z' }
        for (const { record } of push(session(0, { code: 'Setup' }, more)).records) byId.set(record.native_id, sequence)
      }
      expect([...byId.keys()].toSorted().map((id) => byId.get(id))).toEqual(sequences.toSorted((a, b) => a - b))
    }),
    { numRuns: 50 },
  )
})

test('presence', () => {
  const event = '/restapi/v1.0/account/1/presence'
  const body = { extensionId: '101', presenceStatus: 'Busy', telephonyStatus: 'CallConnected', dndStatus: 'DoNotAcceptAnyCalls', sequence: 7 }
  const { records } = push({ event, timestamp: '2026-02-20T12:00:09.000Z', body })
  const occurred_at = Date.UTC(2026, 1, 20, 12, 0, 9)
  expect(records).toMatchObject([
    {
      entity: 'presence_events',
      record: { native_id: `101/${occurred_at}/7`, user_id: '101', occurred_at, availability: 'Busy', telephony: 'CallConnected', is_dnd: true },
    },
  ])
})

test('an instant message is kept without its text', () => {
  const body = {
    id: 5,
    type: 'SMS',
    creationTime: '2026-02-20T12:00:00Z',
    lastModifiedTime: '2026-02-20T12:00:01Z',
    direction: 'Inbound',
    subject: 'secret',
  }
  const pushed = push({ event: '/restapi/v1.0/account/1/extension/101/message-store/instant?type=SMS', body })
  expect(pushed.records).toMatchObject([{ entity: 'messages', record: { native_id: '5', user_id: '101', status: 'received' } }])
  expect(JSON.stringify(pushed)).not.toContain('secret')
  expect(JSON.stringify(push({ event: '/something/else', body }))).not.toContain('secret')
})

test.each([
  ['not_json', '{"event":'],
  ['not_utf8', Buffer.from([0x7b, 0xff, 0x7d])],
  ['unknown_event', '[]'],
  ['unknown_event', { event: '/restapi/v1.0/account/1/extension/2/favorite', body: {} }],
  ['identity_missing', session(1, {}, { telephonySessionId: undefined })],
  ['identity_missing', session(1, {}, { parties: [] })],
  ['field_invalid', session(1, {})],
  ['field_invalid', session(1, { code: 'Setup' }, { sequence: 'x' })],
  ['field_invalid', session(1, { code: 'Setup' }, { sequence: -1 })],
  ['field_invalid', session(1, { code: 'Setup' }, { eventTime: '2026-02-20T12:00:00' })],
  ['field_invalid', { event: '/restapi/v1.0/account/1/presence', body: { extensionId: '1' } }],
])('what is not understood is a reject: %s %j', (code, body) => {
  const pushed = push(body)
  expect(pushed).toMatchObject({ inputs: 1, records: [], rejects: [{ code }] })
  expect(push(body).rejects[0]!.position).toBe(pushed.rejects[0]!.position)
})
