/** A Twilio Message. Its body is taken out of the payload before it gets here. */
import type { CanonicalRecord } from '../../records/index.ts'
import { FieldError } from '../../records/field.ts'
import { checkOrder, costOf, countOf, createdOf, currencyOf, sidOf, textOf, timeOf, versionOf, wordOf, type Item } from './values.ts'

export type MessageStatus = 'queued' | 'sent' | 'delivered' | 'undelivered' | 'failed' | 'received'

/** In the order in which a message goes through them, with what each comes to. */
const statuses: Readonly<Record<string, { rank: number; status: MessageStatus }>> = {
  scheduled: { rank: 0, status: 'queued' },
  accepted: { rank: 1, status: 'queued' },
  queued: { rank: 2, status: 'queued' },
  sending: { rank: 3, status: 'sent' },
  sent: { rank: 4, status: 'sent' },
  receiving: { rank: 4, status: 'received' },
  partially_delivered: { rank: 5, status: 'delivered' },
  delivered: { rank: 6, status: 'delivered' },
  undelivered: { rank: 6, status: 'undelivered' },
  failed: { rank: 6, status: 'failed' },
  canceled: { rank: 6, status: 'failed' },
  received: { rank: 6, status: 'received' },
  read: { rank: 7, status: 'delivered' },
}

/** What a status comes to; throws FieldError for one that is not documented. */
export function messageStatus(word: string): { rank: number; status: MessageStatus } {
  const status = Object.hasOwn(statuses, word) ? statuses[word] : undefined
  if (!status) throw new FieldError('status is none that Twilio documents for a message')
  return status
}

/** Throws FieldError. */
export function readMessage(item: Item, payload: string): CanonicalRecord[] {
  const native_id = sidOf(item, 'sid')
  const created_ms = createdOf(item)
  const { rank, status } = messageStatus(textOf(item, 'status'))
  const direction = textOf(item, 'direction')
  if (!/^(inbound|outbound-(api|call|reply))$/.test(direction)) throw new FieldError('direction is none that Twilio documents for a message')
  const sent_ms = timeOf(item, 'date_sent')
  if (sent_ms !== null) checkOrder(Math.min(created_ms, sent_ms), Math.max(created_ms, sent_ms), 'date_created, date_sent')
  const price = costOf(item, 'price')
  const segments = countOf(item, 'num_segments') ?? 0
  return [
    {
      entity: 'messages',
      record: {
        native_id,
        anchor_at: created_ms,
        version: versionOf(timeOf(item, 'date_updated') ?? created_ms, rank * 100 + (price === null ? 0 : 50) + (segments === 0 ? 0 : 20)),
        payload,
        direction: direction === 'inbound' ? 'inbound' : 'outbound',
        from_number: textOf(item, 'from'),
        to_number: textOf(item, 'to'),
        campaign: textOf(item, 'messaging_service_sid'),
        created_at: created_ms,
        sent_at: sent_ms,
        status,
        error_code: wordOf(item, 'error_code'),
        segments,
        media_count: countOf(item, 'num_media') ?? 0,
        price,
        currency: currencyOf(item, 'price_unit'),
      },
    },
  ]
}
