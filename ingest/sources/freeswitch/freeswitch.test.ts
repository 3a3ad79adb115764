import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { refusalOf } from '../../check-input.ts'
import type { CanonicalRecord, EntityName } from '../../records/index.ts'
import type { PushRequest, Source } from '../../source.ts'
import { testContext } from '../../test-context.ts'
import { decodeOnce } from './cdr.ts'
import { createFreeswitchSource } from './freeswitch.ts'
import * as given from './test-cdrs.ts'
import { A, B, STARTED_MS } from './test-cdrs.ts'

const source = createFreeswitchSource({})
const context = testContext()

function request(body: string | Buffer, overrides: Partial<PushRequest> = {}): PushRequest {
  return { method: 'POST', url: `/v1/ingest/pbx?uuid=${A}`, headers: {}, body: Buffer.from(body), ...overrides }
}

async function push(body: string | Buffer, to: Source = source) {
  return await to.receive!(request(body), context)
}

async function recordOf<N extends EntityName>(entity: N, body: string, to: Source = source) {
  const { records } = await push(body, to)
  return records.find((item) => item.entity === entity)?.record as Extract<CanonicalRecord, { entity: N }>['record'] | undefined
}

/** The CDR of a member with other variables. */
function changed(variables: Record<string, string | undefined>, audio?: Record<string, unknown>): string {
  const all = Object.entries({ ...given.memberVariables, ...variables }).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return JSON.stringify(given.cdr({ variables: given.encodedValues(Object.fromEntries(all)), audio: audio ?? given.goodAudio }))
}

describe('fields', () => {
  test('the leg of a queue’s caller', async () => {
    expect(await recordOf('call_legs', given.memberCdr)).toEqual({
      native_id: A,
      anchor_at: STARTED_MS,
      version: 1_772_355_661_750,
      payload: given.memberCdr,
      call_id: A,
      parent_leg_id: '',
      seq: 0,
      direction: 'inbound',
      party: 'caller',
      user_id: '',
      extension_id: '',
      trunk_id: 'carrier-1',
      from_number: '+4930111222',
      to_number: '4930555000',
      started_at: STARTED_MS,
      answered_at: 1_772_355_601_250,
      ended_at: 1_772_355_661_750,
      disposition: 'answered',
      hangup_cause: 'NORMAL_CLEARING',
      sip_code: '200',
      q850_cause: '16',
      pdd_ms: 200,
      bill_ms: '60500',
      codec: 'PCMA',
      jitter_ms: 2.5,
      loss_pct: 0.75,
      mos: 4.42,
    })
  })

  test('the call', async () => {
    expect(await recordOf('calls', given.memberCdr)).toEqual({
      native_id: A,
      anchor_at: STARTED_MS,
      version: 1_772_355_661_750,
      payload: given.memberCdr,
      direction: 'inbound',
      from_number: '+4930111222',
      from_number_raw: '+4930111222',
      to_number: '4930555000',
      to_number_raw: '4930555000',
      started_at: STARTED_MS,
      answered_at: 1_772_355_601_250,
      ended_at: 1_772_355_661_750,
      disposition: 'answered',
      hangup_cause: 'NORMAL_CLEARING',
      first_queue_id: 'support@default',
      final_agent_id: '1001@pbx.example',
      trunk_id: 'carrier-1',
      leg_count: 2,
      transfer_count: 0,
      ring_ms: 1_000,
      talk_ms: 35_500,
      hold_ms: 5_000,
    })
  })

  test('the visit', async () => {
    expect(await recordOf('queue_visits', given.memberCdr)).toEqual({
      native_id: `${A}/support@default/1772355602`,
      anchor_at: STARTED_MS,
      version: 1_772_355_661_750,
      payload: given.memberCdr,
      call_id: A,
      queue_id: 'support@default',
      entry_no: 1,
      caller_number: '+4930111222',
      did_number: '4930555000',
      entered_at: 1_772_355_602_000,
      answered_at: 1_772_355_621_000,
      exited_at: 1_772_355_661_000,
      outcome: 'answered',
      wait_ms: 19_000,
      talk_ms: 40_000,
      agent_id: '1001@pbx.example',
    })
  })

  test('the agent’s leg joins the member’s call, and makes no call or visit of its own', async () => {
    const { records } = await push(given.agentCdr)
    expect(records).toHaveLength(1)
    expect(records[0]!.record).toMatchObject({
      native_id: B,
      call_id: A,
      parent_leg_id: A,
      seq: 1,
      direction: 'outbound',
      party: 'agent',
      user_id: '1001@pbx.example',
      extension_id: '1001',
      to_number: '1001',
      pdd_ms: 300,
      bill_ms: '40600',
      codec: 'opus',
      mos: null,
      jitter_ms: null,
      loss_pct: null,
    })
  })

  test('an agent’s phone that rang in vain is an event', async () => {
    const { answer_uepoch: _, ...rest } = given.agentVariables
    const missed = JSON.stringify(given.cdr({ variables: given.encodedValues({ ...rest, hangup_cause: 'NO_ANSWER', billmsec: '0' }) }))
    expect(await recordOf('agent_events', missed)).toMatchObject({
      native_id: `${B}/ring_no_answer`,
      agent_id: '1001@pbx.example',
      queue_id: 'support@default',
      call_id: A,
      occurred_at: 1_772_355_661_700,
      kind: 'ring_no_answer',
      detail: 'NO_ANSWER',
      ring_ms: 49_700,
    })
    expect(await recordOf('call_legs', missed)).toMatchObject({ disposition: 'no_answer', answered_at: null, bill_ms: '0' })
  })

  const unanswered = { cc_queue_answered_epoch: undefined, cc_queue_terminated_epoch: undefined, cc_cause: 'cancel', bridge_uepoch: '0' }
  test.each([
    ['BREAK_OUT', '1772355661', 'abandoned', 59_000],
    ['BREAK_OUT', '1772355630', 'diverted', 28_000],
    ['NONE', '1772355661', 'abandoned', 59_000],
    ['TIMEOUT', '1772355632', 'timeout', 30_000],
    ['NO_AGENT_TIMEOUT', '1772355612', 'leave_empty', 10_000],
    ['EXIT_WITH_KEY', '1772355607', 'key_exit', 5_000],
    ['SOMETHING_NEW', '1772355607', 'error', 5_000],
  ])('a visit cancelled by %s at %s is %s', async (cc_cancel_reason, cc_queue_canceled_epoch, outcome, wait_ms) => {
    const body = changed({ ...unanswered, cc_cancel_reason, cc_queue_canceled_epoch })
    const exited_at = Number(cc_queue_canceled_epoch) * 1000
    expect(await recordOf('queue_visits', body)).toMatchObject({ outcome, wait_ms, talk_ms: 0, answered_at: null, exited_at })
    expect(await recordOf('calls', body)).toMatchObject({ disposition: 'abandoned' })
  })

  test.each([
    ['USER_BUSY', '17', 'busy'],
    ['NO_ANSWER', '19', 'no_answer'],
    ['CALL_REJECTED', '21', 'rejected'],
    ['UNALLOCATED_NUMBER', '1', 'failed'],
    ['ORIGINATOR_CANCEL', '487', 'no_answer'],
  ])('an unanswered leg of %s', async (hangup_cause, hangup_cause_q850, disposition) => {
    const plain = { ...unanswered, cc_queue: undefined, cc_queue_joined_epoch: undefined, answer_uepoch: '0', answer_epoch: '0', billmsec: '0' }
    const body = changed({ ...plain, hangup_cause, hangup_cause_q850, sip_term_status: undefined, proto_specific_hangup_cause: 'sip:486' })
    const expected = { disposition, hangup_cause, q850_cause: hangup_cause_q850, sip_code: '486', answered_at: null }
    expect(await recordOf('call_legs', body)).toMatchObject(expected)
    expect(await recordOf('calls', body)).toMatchObject({ disposition: hangup_cause === 'ORIGINATOR_CANCEL' ? 'abandoned' : disposition })
  })

  test.each([
    [{ user_name: '1002' }, '1003', 'internal'],
    [{ user_name: '1002' }, '004930999000', 'outbound'],
    [{ direction: 'outbound' }, '1003', 'outbound'],
    [{ user_name: '1002', call_direction: 'inbound' }, '1003', 'inbound'],
    [{ call_direction: 'local' }, '1003', 'internal'],
  ])('a call with %j to %s', async (variables, destination_number, direction) => {
    const body = JSON.stringify(
      given.cdr({ variables: { ...given.encodedValues({ ...given.memberVariables, ...variables }) }, profile: { destination_number } }),
    )
    expect(await recordOf('calls', body)).toMatchObject({ direction, to_number: destination_number })
  })

  test('seconds stand in where there are no microseconds', async () => {
    const body = changed({ start_uepoch: undefined, answer_uepoch: undefined, end_uepoch: undefined, billmsec: undefined })
    expect(await recordOf('call_legs', body)).toMatchObject({ started_at: 1_772_355_600_000, ended_at: 1_772_355_661_000, bill_ms: 60_000 })
  })

  test('transfers are counted, and what was dialled first stays the number', async () => {
    const later = [{ caller_profile: { destination_number: '2000' }, times: { transfer_time: '1772355630000000' } }]
    const body = JSON.stringify(given.cdr({ variables: given.encodedValues(given.memberVariables), later }))
    expect(await recordOf('calls', body)).toMatchObject({ transfer_count: 1, to_number: '4930555000' })
  })
})

describe('legs of one call', () => {
  const leg = (uuid: string, variables: Record<string, string>, profile = {}): string => {
    const { bridge_uuid: _1, last_bridge_role: _2, cc_side: _3, ...rest } = given.memberVariables
    return JSON.stringify(given.cdr({ variables: given.encodedValues({ ...rest, uuid, ...variables }), profile }))
  }
  const originator = { originator: { originator_caller_profiles: [{ uuid: A }] } }
  const originatee = { originatee: { originatee_caller_profiles: [{ uuid: B }] } }

  test.each([
    ['the originator variable', leg(B, { originator: A, direction: 'outbound' }), A],
    ['the originator’s profile', leg(B, { direction: 'outbound' }, originator), A],
    ['the originating leg', leg(B, { originating_leg_uuid: A, direction: 'outbound' }), A],
    ['a leg that made another is its own call', leg(A, { bridge_uuid: B, direction: 'outbound' }, originatee), A],
    ['a leg that names its b-leg is its own call', leg(B, { bleg_uuid: A, bridge_uuid: A, direction: 'outbound' }), B],
    ['two that were made alone: the lower', leg(B, { bridge_uuid: A, direction: 'outbound' }), A],
    ['two that were made alone: the lower itself', leg(A, { bridge_uuid: B, direction: 'outbound' }), A],
    ['the bridge’s role goes before', leg(A, { bridge_uuid: B, last_bridge_role: 'originatee', direction: 'outbound' }), B],
    ['an inbound leg is its own call', leg(B, { bridge_uuid: A }), B],
    ['a leg alone', leg(B, {}), B],
  ])('%s', async (_, body, call_id) => {
    expect(await recordOf('call_legs', body)).toMatchObject({ call_id })
    expect((await recordOf('calls', body)) !== undefined).toBe((await recordOf('call_legs', body))!.native_id === call_id)
  })

  test('both legs know two of them', async () => {
    expect(await recordOf('calls', leg(A, { bridge_uuid: B }, originatee))).toMatchObject({ leg_count: 2 })
  })
})

describe('encodings', () => {
  test.each([
    ['a form as the module makes it', given.asForm],
    ['base64', given.asBase64],
    ['base64 without cdr=', (json: string) => Buffer.from(json).toString('base64')],
    ['a form that encodes everything', (json: string) => new URLSearchParams({ cdr: json }).toString()],
    ['a form that encodes nothing', (json: string) => `cdr=${json}`],
  ])('%s gives the records of the JSON', async (_, encode) => {
    const strip = ({ records }: { records: CanonicalRecord[] }) => records.map(({ entity, record }) => ({ entity, ...record, payload: '' }))
    expect(strip(await push(encode(given.memberCdr)))).toEqual(strip(await push(given.memberCdr)))
  })

  const callerNamed = (name: string) => given.cdr({ variables: given.encodedValues({ ...given.memberVariables, read_codec: name }), profile: {} })
  const nasty = ['O"Brien, "x":', '100%', 'a+b@c d', 'Zoë 李 😀', '\\Zac "the" slash', '%ZZ', 'a=b&cdr=c']
  test.each(nasty)('a value %j comes out as it was', async (name) => {
    const json = JSON.stringify(callerNamed(name))
    for (const body of [json, given.asBase64(json), new URLSearchParams({ cdr: json }).toString()])
      expect(await recordOf('call_legs', body)).toMatchObject({ codec: name })
    // `":` in a value is what ends a name: that one the module's form cannot carry.
    if (!name.includes('":')) expect(await recordOf('call_legs', given.asForm(json))).toMatchObject({ codec: name })
  })

  test('what only looks encoded stays with encode_values off, and profiles are never decoded', async () => {
    const off = createFreeswitchSource({ encode_values: false })
    const json = JSON.stringify(
      given.cdr({ variables: { ...given.memberVariables, hangup_cause: '50%25+off%40' }, profile: { destination_number: '%2B49' } }),
    )
    expect(await recordOf('call_legs', json, off)).toMatchObject({ hangup_cause: '50%25+off%40', to_number: '%2B49' })
    expect(await recordOf('call_legs', json)).toMatchObject({ hangup_cause: '50%+off@', to_number: '%2B49' })
    expect(await recordOf('call_legs', given.asBase64(json), off)).toMatchObject({ hangup_cause: '50%25+off%40' })
  })

  test('decoding takes one layer off, and leaves what is no UTF-8', () => {
    expect(['%2540', '%', '%E4', 'a%20%E4%20b', '%C3%A4%ZZ'].map(decodeOnce)).toEqual(['%40', '%', '%E4', 'a %E4 b', 'ä%ZZ'])
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => decodeOnce(encodeURIComponent(text)) === text))
  })

  test.each([
    ['', 'not_json'],
    ['hello world', 'not_json'],
    ['{"variables":', 'not_json'],
    ['cdr=%7B%22variables%22', 'not_json'],
    ['cdr=%7B%22%FF%22', 'not_utf8'],
    [Buffer.from([0x7b, 0xff, 0xfe]), 'not_utf8'],
    [Buffer.from([0x7b, 0xff]).toString('base64'), 'not_utf8'],
    ['<html>502 Bad Gateway</html>', 'not_json'],
    ['{"variables":[]}', 'unknown_event'],
    ['{}', 'unknown_event'],
    ['{"variables":{}}', 'identity_missing'],
  ])('%j is refused', async (body, code) => {
    const { inputs, records, rejects } = await push(body)
    expect({ inputs, records }).toEqual({ inputs: 1, records: [] })
    expect(rejects).toEqual([expect.objectContaining({ code, position: expect.stringMatching(/^cdr\/[0-9a-f]{64}$/) })])
    expect((await push(body)).rejects).toEqual(rejects)
  })

  test.each([
    ['a negative duration', { billmsec: '-1' }, 'bill_ms is not between 0 and 4294967295'],
    ['a duration that is no number', { billmsec: 'abc' }, 'bill_ms is not a whole number'],
    ['a time that is no number', { start_uepoch: 'yesterday', start_epoch: '' }, 'start_uepoch and start_epoch are no time'],
    ['no end', { end_uepoch: '0', end_epoch: '0' }, 'end_uepoch and end_epoch are no time'],
    ['a local time', { answer_uepoch: '2026-03-01 09:00:00' }, 'answer_uepoch is no time'],
    ['an end before the start', { end_uepoch: '1772355600000000' }, 'the leg ends before it starts'],
    ['an answer before the queue', { cc_queue_answered_epoch: '1772355601' }, 'wait_ms is not between 0 and 4294967295'],
    ['a cause that is no number', { hangup_cause_q850: 'x' }, 'q850_cause is not a whole number'],
  ])('%s refuses the CDR whole', async (_, variables, reason) => {
    const { inputs, records, rejects } = await push(changed(variables))
    expect({ inputs, records }).toEqual({ inputs: 1, records: [] })
    expect(rejects).toEqual([expect.objectContaining({ code: 'field_invalid', reason })])
  })

  test('a MOS that is no number', async () => {
    expect((await push(changed({}, { mos: 'good' }))).rejects).toEqual([expect.objectContaining({ reason: 'mos is not a number' })])
  })

  test('a CDR comes twice as the same records', async () => {
    expect(await push(given.memberCdr)).toEqual(await push(given.memberCdr))
  })
})

describe('senders', () => {
  const basic = (text: string): Partial<PushRequest> => ({ headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` } })
  const byPassword = createFreeswitchSource({ username: 'switch', password: 'sécret:1' })
  const byToken = createFreeswitchSource({ token: 't0ken+/=' })

  test.each<[string, Source, Partial<PushRequest>]>([
    ['basic', byPassword, basic('switch:sécret:1')],
    ['a token', byToken, { url: '/v1/ingest/pbx?token=t0ken%2B%2F%3D&uuid=1' }],
    ['a token as the module sends it on', byToken, { url: `/v1/ingest/pbx?token=t0ken%2B%2F%3D?uuid=${A}` }],
  ])('%s is let in', async (_, to, overrides) => {
    expect((await to.receive!(request(given.memberCdr, overrides), context)).records).toHaveLength(3)
  })

  test.each<[string, Source, Partial<PushRequest>]>([
    ['no header', byPassword, {}],
    ['a wrong password', byPassword, basic('switch:wrong')],
    ['a wrong user', byPassword, basic('other:sécret:1')],
    ['another scheme', byPassword, { headers: { authorization: 'Bearer x' } }],
    ['no token', byToken, {}],
    ['a wrong token', byToken, { url: '/v1/ingest/pbx?token=other?uuid=1' }],
    ['a token in the uuid', byToken, { url: '/v1/ingest/pbx?uuid=t0ken%2B%2F%3D' }],
  ])('%s is refused', (_, to, overrides) => {
    expect(() => to.receive!(request(given.memberCdr, overrides), context)).toThrow(
      expect.objectContaining({ code: 'signature_invalid', status: 403, message: expect.not.stringMatching(/sécret|t0ken\+/) }),
    )
  })

  test('a user without a password is no configuration', () => {
    expect(() => createFreeswitchSource({ username: 'switch' })).toThrow(expect.objectContaining({ code: 'config_invalid' }))
  })
})

test('whatever a member is, a CDR is taken or refused, and never half', async () => {
  const values = [null, -1, 0.5, 'x', '', true, [], {}, [null], '\uD800', '%', '9'.repeat(30)]
  const whole = given.cdr({ variables: { ...given.memberVariables, bridge_uuid: '', cc_cancel_reason: '' }, audio: given.goodAudio })
  const put = (path: string[], value: unknown): string => {
    const copy = structuredClone(whole)
    const holder = path.slice(0, -1).reduce<Record<string, unknown>>((object, key) => object[key] as Record<string, unknown>, copy)
    holder[path.at(-1)!] = value
    return JSON.stringify(copy)
  }
  const step = Object.keys((whole['callflow'] as { caller_profile: object }[])[0]!.caller_profile)
  const paths = [
    ...Object.keys(whole).map((key) => [key]),
    ...Object.keys(given.memberVariables).map((key) => ['variables', key]),
    ...Object.keys(given.goodAudio).map((key) => ['callStats', 'audio', 'inbound', key]),
    ...step.map((key) => ['callflow', '0', 'caller_profile', key]),
    ['callflow', '0', 'times'],
    ['callflow', '0', 'caller_profile', 'originatee'],
  ]
  for (const path of paths)
    for (const value of values) {
      const { records, rejects } = await push(put(path, value))
      expect([records.length > 0 ? 1 : 0, rejects.length].toSorted()).toEqual([0, 1])
      expect(refusalOf(records)).toBeUndefined()
    }
})

test('a stored CDR is read again to the same records', async () => {
  const { records } = await push(given.memberCdr)
  for (const { entity, record } of records)
    expect(source.reparse!({ entity, payload: record.payload!, native_id: record.native_id })).toEqual({ records, rejects: [] })
})
