import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Pushed, PushRequest } from '../../source.ts'
import { testContext } from '../../test-context.ts'
import { formText, signatureOf } from './signature.ts'
import { ACCOUNT, mustEncode, sid, TOKEN } from './test-items.ts'
import { createTwilioSource } from './twilio.ts'
import type { TwilioOptions } from './options.ts'

const URL_CALLED = 'https://calls.example.com/v1/push/twilio?tenant=acme'
const source = (options: Partial<TwilioOptions> = {}) => createTwilioSource({ account_sid: ACCOUNT, auth_token: TOKEN, ...options })

function signed(params: Record<string, string>, over: Partial<PushRequest> = {}, signed_url = URL_CALLED): PushRequest {
  const form = new URLSearchParams(params)
  return {
    method: 'POST',
    url: URL_CALLED,
    headers: {
      'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
      'x-twilio-signature': signatureOf(signed_url + formText(form), TOKEN),
    },
    body: Buffer.from(form.toString()),
    ...over,
  }
}

const receive = async (request: PushRequest, options: Partial<TwilioOptions> = {}, context = testContext()): Promise<Pushed> => {
  const pushed = await source(options).receive!(request, context)
  pushed.records.forEach(mustEncode)
  expect(pushed.inputs).toBe(1)
  return pushed
}
const refused = { code: 'signature_invalid', status: 403 }
const delivered = { MessageSid: sid('SM', 1), MessageStatus: 'delivered', AccountSid: ACCOUNT, To: '+15005550002', Body: 'hello Bob', ErrorCode: '' }

test('the signature is the one that Twilio documents', () => {
  // https://www.twilio.com/docs/usage/security: the worked example's own values.
  const params = new URLSearchParams({
    Digits: '1234',
    To: '+18005551212',
    From: '+14158675310',
    Caller: '+14158675310',
    CallSid: 'CA1234567890ABCDE',
  })
  expect(signatureOf(`https://mycompany.com/myapp.php?foo=1&bar=2${formText(params)}`, '12345')).toBe('GvWf1cFY/Q7PnoempGyD5oXAezc=')
})

test('a message’s status becomes an event, without its body', async () => {
  const { records } = await receive(signed(delivered))
  expect(records).toMatchObject([
    { entity: 'message_events', record: { native_id: `${sid('SM', 1)}/delivered`, message_id: sid('SM', 1), status: 'delivered' } },
  ])
  expect(JSON.stringify(records)).not.toContain('hello Bob')
})

test('a second delivery of the same status does not move the first', async () => {
  const context = testContext()
  const first = (await receive(signed(delivered), {}, context)).records[0]!.record
  context.clock.now_ms += 5_000
  const second = (await receive(signed(delivered), {}, context)).records[0]!.record
  expect(second.native_id).toBe(first.native_id)
  expect(second.anchor_at).toBe(first.anchor_at)
  expect(first.version).toBeGreaterThan(second.version)
})

test('a call’s progress becomes an event at the time Twilio gives, the same for every delivery', async () => {
  const event = {
    CallSid: sid('CA', 2),
    ParentCallSid: sid('CA', 1),
    CallStatus: 'ringing',
    Timestamp: 'Fri, 20 Feb 2026 10:00:00 +0000',
    SequenceNumber: '1',
  }
  const { records } = await receive(signed(event))
  const at = Date.UTC(2026, 1, 20, 10)
  expect(records).toMatchObject([
    {
      entity: 'call_events',
      record: {
        native_id: `${sid('CA', 2)}/ringing/1`,
        call_id: sid('CA', 1),
        leg_id: sid('CA', 2),
        occurred_at: at,
        anchor_at: at,
        kind: 'ringing',
      },
    },
  ])
})

test('conference and recording callbacks are events too', async () => {
  const joined = {
    ConferenceSid: sid('CF', 1),
    StatusCallbackEvent: 'participant-join',
    CallSid: sid('CA', 1),
    Timestamp: 'Fri, 20 Feb 2026 10:00:00 +0000',
    SequenceNumber: '2',
  }
  const other = { ...joined, CallSid: sid('CA', 2), SequenceNumber: '3' }
  const ids = [(await receive(signed(joined))).records[0]!.record.native_id, (await receive(signed(other))).records[0]!.record.native_id]
  expect(new Set(ids).size).toBe(2)
  const { records } = await receive(signed({ RecordingSid: sid('RE', 1), RecordingStatus: 'completed', CallSid: sid('CA', 1) }))
  expect(records).toMatchObject([{ record: { kind: 'recording-completed', leg_id: sid('CA', 1) } }])
})

test('what is not known is a dead letter with a stable position', async () => {
  const [one, two] = [await receive(signed({ Fax: 'yes' })), await receive(signed({ Fax: 'yes' }))]
  expect(one).toMatchObject({ records: [], rejects: [{ code: 'unknown_event' }] })
  expect(two.rejects[0]!.position).toBe(one.rejects[0]!.position)
  expect(await receive(signed({ ...delivered, MessageStatus: 'evaporated' }))).toMatchObject({ rejects: [{ code: 'field_invalid' }] })
  expect(await receive(signed({ CallSid: sid('CA', 1), CallStatus: 'ringing', Timestamp: 'Fri, 20 Feb 2026 10:00:00' }))).toMatchObject({
    rejects: [{ code: 'field_invalid' }],
  })
})

test.each<[string, PushRequest, Partial<TwilioOptions>]>([
  ['is missing', signed(delivered, { headers: { 'content-type': 'application/x-www-form-urlencoded' } }), {}],
  ['is of another token', signed(delivered), { auth_token: 'another' }],
  ['is of another address', signed(delivered, { url: `${URL_CALLED}&x=1` }), {}],
  ['is of another body', signed(delivered, { body: Buffer.from(new URLSearchParams({ ...delivered, MessageStatus: 'failed' }).toString()) }), {}],
  ['is cut short', signed(delivered, { headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': 'abc' } }), {}],
  ['cannot be checked', signed(delivered), { auth_token: undefined, api_key: 'SK1', api_secret: 's' }],
  ['covers no body that is not a form', signed(delivered, { headers: { ...signed({}).headers, 'content-type': 'application/json' } }), {}],
])('a signature that %s is refused, and nothing is kept', async (_, request, options) => {
  await expect((async () => receive(request, options))()).rejects.toMatchObject(refused)
})

test('with a port, behind a proxy, and as JSON whose digest is in the address', async () => {
  const with_port = URL_CALLED.replace('.com/', '.com:443/')
  expect((await receive(signed(delivered, {}, with_port))).records).toHaveLength(1)
  const inside = signed(delivered, { url: '/v1/push/twilio?tenant=acme' })
  expect((await receive(inside, { public_url: 'https://calls.example.com' })).records).toHaveLength(1)
  const body = Buffer.from(JSON.stringify(delivered))
  const url = `${URL_CALLED}&bodySHA256=${createHash('sha256').update(body).digest('hex')}`
  const json = { method: 'POST', url, headers: { 'content-type': 'application/json', 'x-twilio-signature': signatureOf(url, TOKEN) }, body }
  expect((await receive(json)).records).toHaveLength(1)
  await expect((async () => receive({ ...json, body: Buffer.from('{}') }))()).rejects.toMatchObject(refused)
})
