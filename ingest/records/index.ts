/** Every canonical entity, by the name of its core table. */
import { balances, charges, usage } from './billing.ts'
import { callEvents, callLegs, calls, callSegments } from './calls.ts'
import { contacts, extensions, numbers, queues, users } from './directory.ts'
import type { Entity, RecordOf } from './entity.ts'
import { messageEvents, messages, voicemails } from './messages.ts'
import { presenceEvents } from './presence.ts'
import { agentEvents, agentStates, queueVisits } from './queues.ts'
import { recordings, sentiment, transcripts, transcriptTurns } from './recordings.ts'

export const entities = {
  calls,
  call_legs: callLegs,
  call_segments: callSegments,
  call_events: callEvents,
  queue_visits: queueVisits,
  agent_states: agentStates,
  agent_events: agentEvents,
  users,
  extensions,
  queues,
  numbers,
  contacts,
  messages,
  message_events: messageEvents,
  voicemails,
  recordings,
  transcripts,
  transcript_turns: transcriptTurns,
  sentiment,
  usage,
  charges,
  balances,
  presence_events: presenceEvents,
} as const

export type EntityName = keyof typeof entities
export const entityNames = Object.keys(entities) as EntityName[]

/**
 * A record together with the entity it belongs to, where the input stood that it
 * came from, and that input where it is more than the payload: a reject of the
 * record carries both. A replay says under which version at least the record is
 * to be stored.
 */
export type CanonicalRecord = {
  [N in EntityName]: { entity: N; record: RecordOf<(typeof entities)[N]>; position?: string; input?: string; at_least?: bigint }
}[EntityName]

/** The entity of that name, or undefined. */
export function findEntity(name: string): Entity | undefined {
  return Object.hasOwn(entities, name) ? entities[name as EntityName] : undefined
}
