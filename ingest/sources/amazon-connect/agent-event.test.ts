import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CanonicalRecord, EntityName } from '../../records/index.ts'
import { ChainBook } from './chain-book.ts'
import { readPayload } from './payloads.ts'
import { agentContact, agentEvent } from './test-payloads.ts'

type Json = Record<string, unknown>

function read(...events: Json[]): CanonicalRecord[] {
  return events.flatMap((event) => {
    const records = readPayload(JSON.stringify(event), new ChainBook())
    if (!Array.isArray(records)) throw new Error(records.reason)
    return records
  })
}

/** The newest version of each record of an entity. */
function newest(entity: EntityName, records: readonly CanonicalRecord[]): Json[] {
  const kept = new Map<string, CanonicalRecord>()
  for (const item of records.filter((one) => one.entity === entity)) {
    const known = kept.get(item.record.native_id)
    if (!known || known.record.version < item.record.version) kept.set(item.record.native_id, item)
  }
  return [...kept.values()].map(({ record }) => record as unknown as Json).toSorted((a, b) => Number(a['anchor_at']) - Number(b['anchor_at']))
}

const at = (time: string): number => Date.parse(`2026-03-01T${time}Z`)
const offline = { status: 'Offline', since: '2026-03-01T07:00:00.000Z' }
const login = () => agentEvent('LOGIN', '2026-03-01T09:00:00.000Z', {}, offline)

test('a login: the state, the event, the presence, and who it is', () => {
  const records = read(login())
  expect(newest('agent_states', records)).toMatchObject([
    { state: 'offline', started_at: at('07:00:00'), ended_at: at('09:00:00'), closed_by: 'event' },
    {
      native_id: `agent-7/${at('09:00:00')}/available`,
      agent_id: 'agent-7',
      state: 'available',
      reason: '',
      started_at: at('09:00:00'),
      ended_at: null,
      last_seen_at: at('09:00:00'),
      closed_by: '',
    },
  ])
  expect(newest('agent_events', records)).toMatchObject([{ agent_id: 'agent-7', kind: 'login', detail: 'Available', occurred_at: at('09:00:00') }])
  expect(newest('presence_events', records)).toMatchObject([{ user_id: 'agent-7', availability: 'Available', telephony: 'available' }])
  expect(newest('users', records)).toMatchObject([
    { native_id: 'agent-7', user_id: 'agent-7', name: "Pat O'Neill", team: 'Basic', is_agent: true, version: at('09:00:00') },
  ])
})

describe('heartbeats', () => {
  test('tell that a state was still seen, and nothing else', () => {
    const beat = agentEvent('HEART_BEAT', '2026-03-01T09:02:00.000Z', {})
    expect(read(beat).map(({ entity }) => entity)).toEqual(['agent_states'])
    expect(newest('agent_states', read(login(), beat)).at(-1)).toMatchObject({ state: 'available', ended_at: null, last_seen_at: at('09:02:00') })
  })

  test('for an hour after a logout prove no login: the state stays closed, whatever the order', () => {
    const logout = agentEvent('LOGOUT', '2026-03-01T10:00:00.000Z', {}, {})
    const beats = Array.from({ length: 30 }, (_, n) => agentEvent('HEART_BEAT', new Date(at('10:02:00') + n * 120_000).toISOString(), {}))
    fc.assert(
      fc.property(fc.shuffledSubarray([login(), logout, ...beats], { minLength: 32 }), (events) => {
        const records = read(...events)
        expect(newest('agent_states', records).at(-1)).toMatchObject({
          state: 'available',
          started_at: at('09:00:00'),
          ended_at: at('10:00:00'),
          closed_by: 'logout',
        })
        expect(newest('agent_events', records).map(({ kind }) => kind)).toEqual(['login', 'logout'])
        expect(newest('presence_events', records).map(({ availability }) => availability)).toEqual(['Available', 'Offline'])
      }),
      { numRuns: 20 },
    )
  })

  test('without a snapshot there is nothing in one', () => {
    const text = JSON.stringify(agentEvent('HEART_BEAT', '2026-03-01T09:02:00.000Z', null))
    expect(readPayload(text, new ChainBook())).toMatchObject({ code: 'unmatched' })
  })
})

test('a shift: ringing, talking with a hold, wrap-up, a break', () => {
  const ring = { contacts: [agentContact('CONNECTING', '2026-03-01T09:10:00.000Z')] }
  const talk = { contacts: [agentContact('CONNECTED', '2026-03-01T09:10:05.000Z')] }
  const hold = { contacts: [agentContact('CONNECTED_ONHOLD', '2026-03-01T09:11:00.000Z')] }
  const wrap = { contacts: [agentContact('ENDED', '2026-03-01T09:12:00.000Z')] }
  const lunch = { status: 'Lunch', since: '2026-03-01T09:12:30.000Z', type: 'CUSTOM' }
  const change = (time: string, now: object, before: object) => agentEvent('STATE_CHANGE', `2026-03-01T${time}.000Z`, now, before)
  const records = read(
    login(),
    change('09:10:00', ring, {}),
    change('09:10:05', talk, ring),
    change('09:11:00', hold, talk),
    change('09:12:00', wrap, hold),
    change('09:12:30', lunch, wrap),
  )
  const states = newest('agent_states', records).map(({ state, reason, started_at, ended_at, call_id, queue_id }) => [
    [state, reason, started_at, ended_at],
    [call_id, queue_id],
  ])
  const of_call = ['contact-4', 'queue-3']
  expect(states).toEqual([
    [
      ['offline', '', at('07:00:00'), at('09:00:00')],
      ['', ''],
    ],
    [
      ['available', '', at('09:00:00'), at('09:10:00')],
      ['', ''],
    ],
    [['ringing', '', at('09:10:00'), at('09:10:05')], of_call],
    [['talking', '', at('09:10:05'), at('09:12:00')], of_call],
    [['wrap_up', '', at('09:12:00'), at('09:12:30')], of_call],
    [
      ['paused', 'Lunch', at('09:12:30'), null],
      ['', ''],
    ],
  ])
})

test('a call that rang in vain is told once, and chats do not count', () => {
  const ring = { contacts: [agentContact('CONNECTING', '2026-03-01T09:10:00.000Z')] }
  const missed = { contacts: [agentContact('MISSED', '2026-03-01T09:10:20.000Z')] }
  const records = read(
    agentEvent('STATE_CHANGE', '2026-03-01T09:10:20.000Z', missed, ring),
    agentEvent('STATE_CHANGE', '2026-03-01T09:10:25.000Z', { ...missed, status: 'Lunch', since: '2026-03-01T09:10:25.000Z' }, missed),
  )
  expect(newest('agent_events', records).filter(({ kind }) => kind === 'ring_no_answer')).toMatchObject([
    { agent_id: 'agent-7', call_id: 'contact-4', queue_id: 'queue-3', occurred_at: at('09:10:20'), ring_ms: 20_000, detail: 'MISSED' },
  ])
  const chat = { contacts: [agentContact('CONNECTED', '2026-03-01T09:10:05.000Z', { Channel: 'CHAT' })] }
  expect(newest('agent_states', read(agentEvent('HEART_BEAT', '2026-03-01T09:11:00.000Z', chat)))).toMatchObject([{ state: 'available' }])
})

test.each([
  ['EventTimestamp', '2026-03-01 09:00:00', 'field_invalid'],
  ['EventType', 'TELEPORT', 'unknown_event'],
  ['EventId', null, 'identity_missing'],
  ['AgentARN', 7, 'identity_missing'],
])('an event whose %s is %j is refused', (name, value, code) => {
  expect(readPayload(JSON.stringify({ ...login(), [name]: value }), new ChainBook())).toMatchObject({ code })
})
