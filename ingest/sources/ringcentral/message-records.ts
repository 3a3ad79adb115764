/** One message of a message store: an SMS or a text between extensions, or a voicemail. Bodies are not kept. */
import { withoutMember } from '../../json-items.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import type { Message } from '../../records/messages.ts'
import {
  idAt,
  InputFault,
  isObject,
  objectAt,
  objectsAt,
  requiredId,
  secondsAt,
  textAt,
  timeAt,
  tombstone,
  optionalTimeAt,
  type Json,
} from './json-fields.ts'

const statuses: Readonly<Record<string, Message['status']>> = {
  Queued: 'queued',
  Sent: 'sent',
  Delivered: 'delivered',
  DeliveryFailed: 'undelivered',
  SendingFailed: 'failed',
  Received: 'received',
}

/** In the trash, or out of it for good. */
const removed = new Set(['Deleted', 'Purged'])

/** A message as it came, without its text: `subject` is the body of an SMS, and a cover page's text is one too. */
export function withoutBody(text: string): string {
  return text.trimStart().startsWith('{') ? ['subject', 'coverPageText'].reduce((left, member) => withoutMember(left, [member]), text) : text
}

/** Throws InputFault for what no entity holds. */
export function readMessage(item: unknown, payload: string): { records: CanonicalRecord[] } {
  if (!isObject(item)) throw new InputFault('identity_missing', 'the message is not an object')
  const native_id = requiredId(item, 'id')
  const anchor_at = timeAt(item, 'creationTime')
  const version = optionalTimeAt(item, 'lastModifiedTime') ?? anchor_at
  const entity = entityOf(item['type'])
  const availability = item['availability'] ?? 'Alive'
  if (typeof availability === 'string' && removed.has(availability)) return { records: [tombstone(entity, native_id, anchor_at, version, payload)] }
  if (availability !== 'Alive') throw new InputFault('field_invalid', 'availability is not Alive, Deleted or Purged')
  const envelope = { native_id, anchor_at, version, payload }
  const record = entity === 'voicemails' ? voicemailOf(item, anchor_at, version) : messageOf(item, anchor_at)
  return { records: [{ entity, record: { ...envelope, ...record } } as CanonicalRecord] }
}

function entityOf(type: unknown): 'messages' | 'voicemails' {
  if (type === 'SMS' || type === 'Text' || type === 'Pager') return 'messages'
  if (type === 'VoiceMail') return 'voicemails'
  throw new InputFault('unknown_entity', type === 'Fax' ? 'type is Fax: no entity holds a fax' : 'type is none of SMS, Text, Pager and VoiceMail')
}

function messageOf(item: Json, created_at: number): object {
  const { direction, messageStatus } = item
  if (direction !== 'Inbound' && direction !== 'Outbound') throw new InputFault('field_invalid', 'direction is neither Inbound nor Outbound')
  const known = typeof messageStatus === 'string' && Object.hasOwn(statuses, messageStatus) ? statuses[messageStatus] : undefined
  if (known === undefined && messageStatus !== undefined) throw new InputFault('field_invalid', 'messageStatus is not one that RingCentral documents')
  const status = known ?? (direction === 'Inbound' ? 'received' : 'sent')
  return {
    direction: direction === 'Inbound' ? 'inbound' : 'outbound',
    from_number: numberOf(objectAt(item, 'from')),
    to_number: numberOf(objectsAt(item, 'to')[0] ?? {}),
    conversation_id: idAt(item, 'conversationId') ?? idAt(objectAt(item, 'conversation'), 'id'),
    user_id: idAt(item, 'extensionId') ?? extensionOf(item),
    created_at,
    delivered_at: optionalTimeAt(item, 'smsDeliveryTime') ?? null,
    status,
    error_code: idAt(item, 'deliveryErrorCode'),
    media_count: objectsAt(item, 'attachments').filter(({ type }) => type === 'MmsAttachment').length,
  }
}

function voicemailOf(item: Json, left_at: number, version: number): object {
  const audio = objectsAt(item, 'attachments').find(({ type }) => type === 'AudioRecording') ?? {}
  const mailbox = idAt(item, 'extensionId') ?? extensionOf(item)
  return {
    mailbox,
    user_id: mailbox,
    from_number: numberOf(objectAt(item, 'from')),
    left_at,
    duration_ms: secondsAt(audio, 'vmDuration'),
    // The time of reading is not told: it is not later than this.
    read_at: item['readStatus'] === 'Read' ? version : null,
    folder: 'inbox',
    transcript_status: textAt(item, 'vmTranscriptionStatus'),
  }
}

/** Whose mailbox a message is in, from its address. */
function extensionOf(item: Json): string | undefined {
  return /\/extension\/(\d+)\//.exec(textAt(item, 'uri') ?? '')?.[1]
}

function numberOf(party: Json): string | undefined {
  return textAt(party, 'phoneNumber') ?? idAt(party, 'extensionNumber')
}
