/**
 * The agent event stream: LOGIN, LOGOUT, STATE_CHANGE, and a HEART_BEAT every
 * two minutes. Each event has the agent's state now and before, so each can be
 * read without the others, in any order and as often as it comes.
 */
import type { CanonicalRecord } from '../../records/index.ts'
import { idOf, listAt, objectAt, requiredTimeAt, textAt, timeAt, type Json } from './json-fields.ts'

type State = Extract<CanonicalRecord, { entity: 'agent_states' }>['record']

export const eventTypes = ['LOGIN', 'LOGOUT', 'STATE_CHANGE', 'HEART_BEAT']

/**
 * A state that has been closed is closed for good: its version is above that of
 * every event that says it is open, such as the heartbeats that go on for up to
 * an hour after a logout.
 */
const CLOSED = 2 ** 42

/** Reads an event; throws FieldError for a member that is wrong. */
export function readAgentEvent(event: Json, payload: string): CanonicalRecord[] {
  const type = textAt(event, 'EventType')
  const now = { id: textAt(event, 'EventId'), agent_id: idOf(textAt(event, 'AgentARN')), at: requiredTimeAt(event, 'EventTimestamp'), payload }
  const current = objectAt(event, 'CurrentAgentSnapshot')
  const previous = objectAt(event, 'PreviousAgentSnapshot')
  const [after, before] = [stateOf(current), stateOf(previous)]
  const is_change = type !== 'HEART_BEAT'
  const is_logout = type === 'LOGOUT'
  const records: CanonicalRecord[] = []
  // A heartbeat tells that the agent's state was still seen; of a login or logout it proves nothing.
  if (after) {
    const is_over = is_logout && after.state !== 'offline'
    records.push({ entity: 'agent_states', record: recordOf(now, after, is_over ? 'logout' : undefined) })
  }
  if (is_change && before && (!after || keyOf(before) !== keyOf(after)))
    records.push({ entity: 'agent_states', record: recordOf(now, before, is_logout ? 'logout' : 'event') })
  if (!is_change) return records
  const status = objectAt(current, 'AgentStatus')
  const envelope = { native_id: now.id, anchor_at: now.at, version: now.at, payload, occurred_at: now.at }
  const kind = type.toLowerCase()
  records.push({
    entity: 'agent_events',
    record: {
      ...envelope,
      agent_id: now.agent_id,
      kind,
      detail: textAt(status, 'Name'),
      call_id: after?.call_id ?? '',
      queue_id: after?.queue_id ?? '',
    },
  })
  const name = textAt(status, 'Name')
  if (is_logout || name !== '') {
    const record = {
      ...envelope,
      user_id: now.agent_id,
      availability: is_logout ? 'Offline' : name,
      telephony: is_logout ? 'offline' : (after?.state ?? ''),
    }
    records.push({ entity: 'presence_events', record })
  }
  return [...records, ...missedContacts(now, current, previous), ...userOf(now, current)]
}

interface Now {
  id: string
  agent_id: string
  at: number
  payload: string
}

interface SeenState {
  state: State['state']
  reason: string
  started: number
  queue_id: string
  call_id: string
}

/** What an agent does, out of the state of the calls, or else out of the status; undefined where there is no snapshot. */
function stateOf(snapshot: Json): SeenState | undefined {
  const status = objectAt(snapshot, 'AgentStatus')
  const calls = contactsOf(snapshot)
  for (const { state, words } of callStates) {
    const contact = calls.find((one) => words.includes(textAt(one, 'State')))
    if (!contact) continue
    // Being put on hold is no new conversation.
    const started = (state === 'talking' ? timeAt(contact, 'ConnectedToAgentTimestamp') : null) ?? timeAt(contact, 'StateStartTimestamp')
    if (started === null) continue
    const call_id = textAt(contact, 'InitialContactId') || textAt(contact, 'ContactId')
    return { state, reason: '', started, queue_id: idOf(textAt(objectAt(contact, 'Queue'), 'ARN')), call_id }
  }
  const started = timeAt(status, 'StartTimestamp')
  const name = textAt(status, 'Name')
  if (started === null || name === '') return undefined
  const type = textAt(status, 'Type')
  const state = type === 'OFFLINE' || name === 'Offline' ? 'offline' : type === 'ROUTABLE' || name === 'Available' ? 'available' : 'paused'
  return { state, reason: state === 'paused' ? name : '', started, queue_id: '', call_id: '' }
}

const callStates: { state: State['state']; words: string[] }[] = [
  { state: 'talking', words: ['CONNECTED', 'CONNECTED_ONHOLD'] },
  { state: 'ringing', words: ['CONNECTING', 'INCOMING', 'PENDING'] },
  { state: 'wrap_up', words: ['ENDED'] },
]

/** Chats and tasks do not keep an agent from the phone. */
function contactsOf(snapshot: Json): Json[] {
  return listAt(snapshot, 'Contacts').filter((contact) => ['VOICE', ''].includes(textAt(contact, 'Channel')))
}

function keyOf({ state, started }: SeenState): string {
  return `${started}/${state}`
}

function recordOf(now: Now, seen: SeenState, closed_by: string | undefined): State {
  const ended = closed_by === undefined ? null : Math.max(now.at, seen.started)
  return {
    native_id: `${now.agent_id}/${keyOf(seen)}`,
    anchor_at: seen.started,
    version: now.at + (closed_by === undefined ? 0 : CLOSED),
    payload: now.payload,
    agent_id: now.agent_id,
    state: seen.state,
    reason: seen.reason,
    queue_id: seen.queue_id,
    call_id: seen.call_id,
    started_at: seen.started,
    ended_at: ended,
    last_seen_at: Math.max(now.at, seen.started),
    closed_by: closed_by ?? '',
  }
}

/** A call that rang and was not taken, told by the event in which it became so. */
function missedContacts(now: Now, current: Json, previous: Json): CanonicalRecord[] {
  const before = new Map(contactsOf(previous).map((contact) => [textAt(contact, 'ContactId'), contact]))
  return contactsOf(current).flatMap((contact) => {
    const id = textAt(contact, 'ContactId')
    const missed = timeAt(contact, 'StateStartTimestamp')
    const rang = before.get(id)
    if (!['MISSED', 'REJECTED'].includes(textAt(contact, 'State')) || missed === null || !rang) return []
    if (textAt(rang, 'State') === textAt(contact, 'State')) return []
    const ringing = timeAt(rang, 'StateStartTimestamp')
    const record = {
      native_id: `${now.agent_id}/${id}/missed`,
      anchor_at: missed,
      version: now.at,
      payload: now.payload,
      agent_id: now.agent_id,
      queue_id: idOf(textAt(objectAt(contact, 'Queue'), 'ARN')),
      call_id: textAt(contact, 'InitialContactId') || id,
      occurred_at: missed,
      kind: 'ring_no_answer',
      detail: textAt(contact, 'State'),
      ring_ms: ringing === null ? 0 : Math.max(0, missed - ringing),
    }
    return [{ entity: 'agent_events' as const, record }]
  })
}

function userOf(now: Now, snapshot: Json): CanonicalRecord[] {
  const configuration = objectAt(snapshot, 'Configuration')
  const login = textAt(configuration, 'Username')
  const name = [textAt(configuration, 'FirstName'), textAt(configuration, 'LastName')].filter((part) => part !== '').join(' ') || login
  if (name === '') return []
  const team = textAt(objectAt(configuration, 'RoutingProfile'), 'Name')
  const record = { native_id: now.agent_id, version: now.at, payload: now.payload, user_id: now.agent_id, name, team, is_agent: true }
  return [{ entity: 'users', record }]
}
