/** A new version of one of the records that history/*.sql makes. */
import type { CanonicalRecord, EntityName } from '../ingest/records/index.ts'

/** How many records of each kind a tenant has a day. */
export const perDay: Partial<Record<EntityName, number>> = { calls: 1_000, call_legs: 2_000, queue_visits: 800, agent_states: 2_000, messages: 500 }

/** The record of that kind and day whose number is `round`, changed: another length, queue, price or state. */
export function changedRecord(entity: EntityName, { day, days_back, round }: { day: string; days_back: number; round: number }): CanonicalRecord {
  const nth = round % perDay[entity]!
  const began_ms = Date.parse(day) + Math.floor((nth * 80_000_000) / perDay[entity]!)
  const common = { native_id: `${entity}-${days_back}-${nth}`, anchor_at: began_ms, version: 2 + round }
  const span = { started_at: began_ms, ended_at: began_ms + 90_000 + round }
  const money = { currency: 'EUR' }
  const fields = {
    calls: {
      ...span,
      ...money,
      direction: 'inbound',
      answered_at: began_ms + 5_000,
      disposition: 'answered',
      first_queue_id: 'queue-0',
      talk_ms: 85_000,
    },
    call_legs: {
      ...span,
      ...money,
      call_id: `calls-${days_back}-${nth}`,
      direction: 'inbound',
      party: 'customer',
      trunk_id: 'trunk-1',
      disposition: 'answered',
    },
    queue_visits: {
      call_id: `calls-${days_back}-${nth}`,
      queue_id: 'queue-0',
      entered_at: began_ms,
      exited_at: began_ms + 9_000 + round,
      outcome: 'abandoned',
    },
    agent_states: { ...span, agent_id: 'agent-1', state: 'paused' },
    messages: {
      ...money,
      direction: 'outbound',
      created_at: began_ms,
      sent_at: began_ms + 1_000 + round,
      status: 'sent',
      segments: 1,
      price: '0.01',
    },
  }[entity as 'calls']
  return { entity, record: { ...common, ...fields } } as unknown as CanonicalRecord
}
