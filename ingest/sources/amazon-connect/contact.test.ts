import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { refusalOf } from '../../check-input.ts'
import type { CanonicalRecord, EntityName } from '../../records/index.ts'
import { payloadParsers } from '../payload-parsers.ts'
import { ChainBook } from './chain-book.ts'
import { readPayload } from './payloads.ts'
import { agentContact, agentEvent, analysis, contact, first, second } from './test-payloads.ts'

type RecordOf<N extends EntityName> = Extract<CanonicalRecord, { entity: N }>['record']
type Json = Record<string, unknown>

function read(payload: Json, book = new ChainBook()): CanonicalRecord[] {
  const records = readPayload(JSON.stringify(payload), book)
  if (!Array.isArray(records)) throw new Error(records.reason)
  return records
}

function only<N extends EntityName>(entity: N, records: readonly CanonicalRecord[]): RecordOf<N>[] {
  return records.filter((item) => item.entity === entity).map(({ record }) => record as RecordOf<N>)
}

const at = (time: string): number => Date.parse(`2026-03-01T${time}Z`)
const payload = JSON.stringify(contact())
const envelope = { anchor_at: at('09:00:01'), version: at('09:03:00'), payload }

describe('fields', () => {
  test('the leg', () => {
    expect(only('call_legs', read(contact()))).toEqual([
      {
        ...envelope,
        native_id: 'contact-1',
        call_id: 'contact-1',
        parent_leg_id: '',
        seq: 0,
        direction: 'inbound',
        party: 'customer',
        user_id: 'agent-7',
        from_number: '+4930111222',
        to_number: '+4930555000',
        started_at: at('09:00:01'),
        answered_at: at('09:00:30'),
        ended_at: at('09:02:05'),
        disposition: 'answered',
        hangup_cause: 'AGENT_DISCONNECT',
        bill_ms: 123_000,
      },
    ])
  })

  test('the visit, with the parts of handling time, and the queue’s name', () => {
    const records = read(contact())
    expect(only('queue_visits', records)).toEqual([
      {
        ...envelope,
        native_id: 'contact-1/queue',
        call_id: 'contact-1',
        queue_id: 'queue-3',
        entry_no: 1,
        caller_number: '+4930111222',
        did_number: '+4930555000',
        entered_at: at('09:00:10'),
        answered_at: at('09:00:30'),
        exited_at: at('09:02:05'),
        outcome: 'answered',
        wait_ms: 20_000,
        talk_ms: 85_000,
        hold_ms: 10_000,
        wrap_up_ms: 12_000,
        agent_id: 'agent-7',
        transfer_kind: '',
      },
    ])
    expect(only('queues', records)).toMatchObject([{ native_id: 'queue-3', queue_id: 'queue-3', name: 'Support', version: at('09:03:00') }])
  })

  test('the call', () => {
    expect(only('calls', read(contact()))).toEqual([
      {
        native_id: 'contact-1',
        anchor_at: at('09:00:01'),
        version: at('09:03:00') + 179_000 + 1,
        payload,
        direction: 'inbound',
        from_number: '+4930111222',
        to_number: '+4930555000',
        started_at: at('09:00:01'),
        answered_at: at('09:00:30'),
        ended_at: at('09:02:05'),
        disposition: 'answered',
        hangup_cause: 'AGENT_DISCONNECT',
        first_queue_id: 'queue-3',
        final_agent_id: 'agent-7',
        leg_count: 1,
        transfer_count: 0,
        talk_ms: 85_000,
        hold_ms: 10_000,
        wrap_up_ms: 12_000,
      },
    ])
  })

  test('segments', () => {
    const told = only('call_segments', read(contact())).map(({ native_id, seq, kind, started_at, ended_at, queue_id, agent_id }) => [
      [native_id, seq, kind],
      [started_at, ended_at],
      [queue_id, agent_id],
    ])
    expect(told).toEqual([
      [
        ['contact-1/ivr', 0, 'ivr'],
        [at('09:00:02'), at('09:00:10')],
        ['', ''],
      ],
      [
        ['contact-1/queue', 1, 'queue'],
        [at('09:00:10'), at('09:00:30')],
        ['queue-3', ''],
      ],
      [
        ['contact-1/talk', 2, 'talk'],
        [at('09:00:30'), at('09:02:05')],
        ['queue-3', 'agent-7'],
      ],
      [
        ['contact-1/wrap_up', 3, 'wrap_up'],
        [at('09:02:05'), at('09:02:17')],
        ['queue-3', 'agent-7'],
      ],
    ])
  })

  test('the recording is a reference, and the older member says the same', () => {
    const expected = {
      ...envelope,
      native_id: 'contact-1/recording/0',
      call_id: 'contact-1',
      leg_id: 'contact-1',
      queue_id: 'queue-3',
      agent_id: 'agent-7',
      customer_number: '+4930111222',
      started_at: at('09:00:30'),
      duration_ms: 95_000,
      uri: 'recordings/contact-1_20260301T09:00_UTC.wav',
      status: 'completed',
      is_redacted: false,
    }
    expect(only('recordings', read(contact()))).toEqual([expected])
    const older = contact({ Recordings: null, Recording: { Location: expected.uri, Status: 'AVAILABLE', Type: 'AUDIO', DeletionReason: null } })
    expect(only('recordings', read(older))).toMatchObject([{ native_id: expected.native_id, uri: expected.uri, duration_ms: 0 }])
    const gone = contact({ Recordings: [{ Location: 'a/Redacted/x.wav', Status: 'DELETED', DeletionReason: 'x' }] })
    expect(only('recordings', read(gone))).toMatchObject([{ status: 'absent', is_redacted: true }])
  })

  test('an outbound contact has its numbers the other way round, and was in no flow', () => {
    const records = read(contact({ InitiationMethod: 'OUTBOUND', Queue: null }))
    expect(only('call_legs', records)).toMatchObject([{ direction: 'outbound', from_number: '+4930555000', to_number: '+4930111222' }])
    expect(only('call_segments', records).map(({ kind }) => kind)).toEqual(['talk', 'wrap_up'])
    expect(only('queue_visits', records)).toEqual([])
  })

  test('a supervisor who listens in is a leg of the call, and changes nothing else of it', () => {
    const records = read(contact({ ContactId: 'contact-m', InitialContactId: 'contact-1', InitiationMethod: 'MONITOR' }))
    expect(only('call_legs', records)).toMatchObject([{ call_id: 'contact-1', direction: 'internal', party: 'supervisor' }])
    expect(only('calls', records)).toEqual([])
  })

  const unanswered = { Agent: null, Recordings: null }
  test.each<[Json, string, string]>([
    [{ DisconnectReason: 'CUSTOMER_DISCONNECT' }, 'abandoned', 'abandoned'],
    [{ DisconnectReason: 'CONTACT_FLOW_DISCONNECT' }, 'timeout', 'abandoned'],
    [{ DisconnectReason: 'TELECOM_PROBLEM' }, 'error', 'failed'],
    [{ DisconnectReason: 'CUSTOMER_DISCONNECT', NextContactId: 'contact-2' }, 'diverted', 'no_answer'],
    [
      { DisconnectReason: null, DisconnectTimestamp: null, Queue: { ...(contact()['Queue'] as Json), DequeueTimestamp: null } },
      'waiting',
      'in_progress',
    ],
  ])('a visit without an agent: %j', (changes, outcome, disposition) => {
    const records = read(contact({ ...unanswered, ...changes }))
    expect(only('queue_visits', records)).toMatchObject([{ outcome, answered_at: null, wait_ms: 20_000, agent_id: '' }])
    expect(only('call_legs', records)).toMatchObject([{ disposition }])
  })

  test.each([
    ['TELECOM_BUSY', 'busy'],
    ['TELECOM_UNANSWERED', 'no_answer'],
    ['TELECOM_NUMBER_INVALID', 'failed'],
  ])('an outbound call that ends by %s', (DisconnectReason, disposition) => {
    const changes = { ...unanswered, InitiationMethod: 'OUTBOUND', Queue: null, DisconnectReason }
    expect(only('calls', read(contact(changes)))).toMatchObject([{ disposition, answered_at: null }])
  })

  test('a flow that asks for nobody has answered', () => {
    expect(only('calls', read(contact({ ...unanswered, Queue: null })))).toMatchObject([{ disposition: 'answered', answered_at: null }])
  })

  test('members nobody knows are left alone, and kept in the payload', () => {
    const records = read(contact({ Brand: { New: [1, { Thing: null }] } }))
    expect(records.map(({ entity }) => entity)).toEqual(read(contact()).map(({ entity }) => entity))
    expect(records[0]!.record.payload).toContain('"Brand"')
  })
})

describe('a call of several contacts', () => {
  const merged = {
    native_id: 'contact-1',
    anchor_at: at('09:00:01'),
    started_at: at('09:00:01'),
    answered_at: at('09:00:30'),
    ended_at: at('09:04:00'),
    disposition: 'answered',
    hangup_cause: 'CUSTOMER_DISCONNECT',
    first_queue_id: 'queue-3',
    final_agent_id: 'agent-8',
    leg_count: 2,
    transfer_count: 1,
    talk_ms: 165_000,
    hold_ms: 10_000,
    wrap_up_ms: 12_000,
  }

  test('each contact is a leg and a visit of the one call', () => {
    const book = new ChainBook()
    const records = [...read(first(), book), ...read(second(), book)]
    expect(only('call_legs', records)).toMatchObject([
      { native_id: 'contact-1', call_id: 'contact-1', parent_leg_id: '' },
      { native_id: 'contact-2', call_id: 'contact-1', parent_leg_id: 'contact-1', user_id: 'agent-8' },
    ])
    expect(only('queue_visits', records)).toMatchObject([
      { call_id: 'contact-1', queue_id: 'queue-3', transfer_kind: 'transfer', wait_ms: 20_000 },
      { call_id: 'contact-1', queue_id: 'queue-9', transfer_kind: '', wait_ms: 35_000, talk_ms: 80_000, wrap_up_ms: 0 },
    ])
    expect(only('calls', records).at(-1)).toMatchObject(merged)
    expect(refusalOf(records)).toBeUndefined()
  })

  const newest = (records: readonly CanonicalRecord[]): Map<string, CanonicalRecord> => {
    const kept = new Map<string, CanonicalRecord>()
    for (const item of records) {
      const key = `${item.entity}/${item.record.native_id}`
      const known = kept.get(key)
      if (known?.record.version === item.record.version) expect(item).toEqual(known)
      expect(known?.record.anchor_at ?? item.record.anchor_at).toBe(item.record.anchor_at)
      if (!known || known.record.version < item.record.version) kept.set(key, item)
    }
    return new Map([...kept].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  test('whatever the order, the duplicates and the restarts, the greatest LastUpdateTimestamp wins', () => {
    const late = first({ LastUpdateTimestamp: '2026-03-01T10:00:00Z', Attributes: { note: 'later' } })
    const deliveries = [first(), second(), late, second({ LastUpdateTimestamp: '2026-03-01T09:30:00Z', DisconnectReason: 'AGENT_DISCONNECT' })]
    const expected = newest(deliveries.reduce<{ book: ChainBook; out: CanonicalRecord[] }>(({ book, out }, one) => ({ book, out: [...out, ...read(one, book)] }), { book: new ChainBook(), out: [] }).out) // prettier-ignore
    expect(expected.get('calls/contact-1')!.record).toMatchObject({ ...merged, hangup_cause: 'AGENT_DISCONNECT' })
    expect(expected.get('call_legs/contact-1')!.record.payload).toContain('later')
    const order = fc.tuple(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), fc.array(fc.nat(3), { maxLength: 6 }))
    fc.assert(
      fc.property(order, fc.boolean(), ([once, again], does_restart) => {
        let book = new ChainBook()
        const out = [...once, ...again].flatMap((n) => {
          if (does_restart) book = new ChainBook(JSON.parse(JSON.stringify(book.state())) as never)
          return read(deliveries[n]!, book)
        })
        expect(newest(out)).toEqual(expected)
      }),
    )
  })

  test('a late change to a contact of a forgotten chain leaves the call alone', () => {
    const late = { LastUpdateTimestamp: '2026-04-01T09:00:00Z' }
    expect(only('calls', read(first(late)))).toEqual([])
    expect(only('call_legs', read(first(late)))).toHaveLength(1)
    expect(only('calls', read(contact(late)))).toHaveLength(1)
  })

  test('chains that are over are forgotten, where there are many', () => {
    const book = new ChainBook([], 1)
    read(first(), book)
    const day = {
      InitiationTimestamp: '2026-03-03T09:00:00Z',
      LastUpdateTimestamp: '2026-03-03T09:10:00Z',
      DisconnectTimestamp: '2026-03-03T09:05:00Z',
    }
    read(first({ ContactId: 'contact-9', Agent: null, Queue: null, Recordings: null, ...day }), book)
    expect(book.state().map(({ id }) => id)).toEqual(['contact-9'])
  })
})

describe('bad input', () => {
  test.each<[string, string, string]>([
    ['{"ContactId":', 'not_json', 'the payload is not JSON'],
    ['[]', 'unknown_event', 'the payload is not an object'],
    ['{}', 'unknown_event', 'the payload is no contact record, agent event or analysis'],
    [JSON.stringify(contact({ ContactId: null })), 'identity_missing', 'ContactId is missing'],
    [JSON.stringify(contact({ Channel: 'CHAT' })), 'unknown_event', 'the contact is no call: its channel is not VOICE'],
    [JSON.stringify(contact({ InitiationTimestamp: null })), 'field_invalid', 'InitiationTimestamp is required'],
    [
      JSON.stringify(contact({ LastUpdateTimestamp: '2026-03-01T09:03:00' })),
      'field_invalid',
      'LastUpdateTimestamp is not an ISO 8601 time with a zone',
    ],
    [JSON.stringify(contact({ Agent: { AgentInteractionDuration: -1 } })), 'field_invalid', 'AgentInteractionDuration is negative'],
    [JSON.stringify(contact({ Agent: { CustomerHoldDuration: 'ten' } })), 'field_invalid', 'CustomerHoldDuration is not a number'],
    [JSON.stringify(contact({ Queue: { ...(contact()['Queue'] as Json), Duration: -1 } })), 'field_invalid', 'Duration is negative'],
    [
      JSON.stringify(contact({ DisconnectTimestamp: '2026-03-01T08:00:00Z' })),
      'field_invalid',
      'DisconnectTimestamp is before the time it should follow',
    ],
    [JSON.stringify(contact({ CustomerEndpoint: { Address: { a: 1 } } })), 'field_invalid', 'Address is not a string'],
  ])('%.60s', (text, code, reason) => {
    expect(readPayload(text, new ChainBook())).toMatchObject({ code, reason })
  })
})

/** Every copy of a payload in which one member, however deep, is another value. */
function* mutants(payload: unknown, values: readonly unknown[]): Generator {
  if (typeof payload !== 'object' || payload === null) return
  for (const key of Object.keys(payload)) {
    const member = (payload as Json)[key]
    const put = (value: unknown): unknown =>
      Array.isArray(payload) ? payload.map((one: unknown, n) => (String(n) === key ? value : one)) : { ...payload, [key]: value }
    for (const value of values) yield put(value)
    for (const changed of mutants(member, values)) yield put(changed)
  }
}

test('whatever a member is, a payload is taken or refused, and never half', () => {
  const talking = { contacts: [agentContact('CONNECTED', '2026-03-01T09:10:05.000Z')] }
  const payloads = [second(), analysis(), agentEvent('STATE_CHANGE', '2026-03-01T09:12:00Z', {}, talking)]
  let taken = 0
  for (const one of payloads.flatMap((payload) => [
    ...mutants(payload, [null, -1, 0.5, 'x', true, [], {}, [null], '\uD800', '2026-02-31T00:00:00Z']),
  ])) {
    const read = readPayload(JSON.stringify(one), new ChainBook())
    if (Array.isArray(read)) expect(refusalOf(read)).toBeUndefined()
    else expect(read.reason).not.toBe('')
    taken += Array.isArray(read) ? 1 : 0
  }
  expect(taken).toBeGreaterThan(500)
})

describe('through a topic', () => {
  test('one payload gives records of several entities, and a chain goes on over payloads', () => {
    const parse = payloadParsers['amazon-connect']!({})
    const give = (one: Json) => parse({ entity: 'calls', payload: JSON.stringify(one), position: 'ctr/0/1' })
    expect(new Set(give(first()).records.map(({ entity }) => entity))).toEqual(
      new Set(['call_legs', 'call_segments', 'queue_visits', 'queues', 'recordings', 'calls']),
    )
    expect(only('calls', give(second()).records)).toMatchObject([{ leg_count: 2, final_agent_id: 'agent-8' }])
    expect(give(contact({ Channel: 'TASK' }))).toMatchObject({ records: [], rejects: [{ code: 'unknown_event' }] })
  })

  test('a stored payload is read again, but for a call of several contacts, which is none of them', () => {
    const parse = payloadParsers['amazon-connect']!({})
    const stored = { entity: 'call_legs', native_id: 'contact-1' }
    expect(parse({ ...stored, payload }).records).toEqual(read(contact()))
    expect(only('calls', parse({ ...stored, payload: JSON.stringify(first()) }).records)).toEqual([])
    expect(parse({ ...stored, entity: 'calls', payload: '{"InitialContactId":"contact-1"}' })).toEqual({ records: [], rejects: [] })
  })
})
