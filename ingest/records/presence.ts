/** Who is reachable. */
import { entity, type RecordOf } from './entity.ts'
import { flag, name, requiredName, time } from './field.ts'

export const presenceEvents = entity('presence_events', ['occurred_at'], {
  user_id: requiredName(),
  occurred_at: time(),
  availability: requiredName(),
  telephony: name(),
  is_dnd: flag(),
})

export type PresenceEvent = RecordOf<typeof presenceEvents>
