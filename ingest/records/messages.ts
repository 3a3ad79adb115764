/** SMS and voicemail. */
import { entity, type RecordOf } from './entity.ts'
import { count, durationMs, money, name, oneOf, optionalTime, requiredText, text, time } from './field.ts'

export const messageStatuses = ['queued', 'sent', 'delivered', 'undelivered', 'failed', 'received'] as const

/** One SMS or MMS. Its body is not kept: the payload of a source that sends one has it removed before loading. */
export const messages = entity('messages', ['created_at', 'sent_at', 'delivered_at'], {
  direction: oneOf(['inbound', 'outbound'] as const),
  from_number: text(),
  to_number: text(),
  conversation_id: text(),
  campaign: name(),
  user_id: name(),
  created_at: time(),
  sent_at: optionalTime(),
  delivered_at: optionalTime(),
  status: oneOf(messageStatuses),
  error_code: name(),
  segments: count(),
  media_count: count(),
  price: money(),
  currency: name(),
})

export const messageEvents = entity('message_events', ['occurred_at'], {
  message_id: requiredText(),
  occurred_at: time(),
  status: oneOf(messageStatuses),
  error_code: name(),
})

export const voicemails = entity('voicemails', ['left_at', 'read_at'], {
  call_id: text(),
  mailbox: name(),
  queue_id: name(),
  user_id: name(),
  from_number: text(),
  left_at: time(),
  duration_ms: durationMs(),
  read_at: optionalTime(),
  folder: name(),
  transcript_status: name(),
})

export type Message = RecordOf<typeof messages>
export type MessageEvent = RecordOf<typeof messageEvents>
export type Voicemail = RecordOf<typeof voicemails>
