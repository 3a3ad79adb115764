/** What RingCentral sends by itself: the handshake of a new subscription, and notifications. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { CallhouseError } from '../../../errors.ts'
import { withoutMember } from '../../json-items.ts'
import type { EntityName } from '../../records/index.ts'
import type { PushRequest, Pushed, Reject, RejectCode } from '../../source.ts'
import { readInsights } from './insights.ts'
import { InputFault, isObject, objectAt, positionOf, readInput, textAt, type Json } from './json-fields.ts'
import { readMessage } from './message-records.ts'
import { readPresenceEvent, readSessionEvent, unwrap } from './session-events.ts'

const HANDSHAKE = /^[\x21-\x7e]{1,1000}$/

/** Throws signature_invalid for a notification without the subscription's verification token. */
export function receiveNotification(request: PushRequest, verification_token: string | undefined): Pushed {
  const handshake = request.headers['validation-token']
  // Asked before anything is sent: the answer proves that the address is ours, and nothing is taken in.
  if (handshake !== undefined && HANDSHAKE.test(handshake) && request.body.length === 0) {
    const answer = { status: 200, type: 'text/plain', body: '', headers: { 'validation-token': handshake } }
    return { inputs: 0, records: [], rejects: [], answer }
  }
  if (!verification_token)
    throw new CallhouseError(
      'signature_invalid',
      'This source takes no notifications: set its webhook_token to the verification token of the subscription.',
    )
  if (!isSame(request.headers['verification-token'], verification_token))
    throw new CallhouseError('signature_invalid', 'The Verification-Token header is missing or not the one of the subscription (webhook_token).')
  return readNotification(request.body)
}

function isSame(given: string | undefined, expected: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest()
  return given !== undefined && timingSafeEqual(hash(given), hash(expected))
}

/** One notification: one input. */
export function readNotification(bytes: Buffer): Pushed {
  const text = bytes.toString('utf8')
  if (!Buffer.from(text, 'utf8').equals(bytes)) return refused('not_utf8', 'the notification is not UTF-8', bytes.toString('latin1'))
  let sent: unknown
  try {
    sent = JSON.parse(text)
  } catch {
    return refused('not_json', 'the notification is not JSON', text)
  }
  if (!isObject(sent)) return refused('unknown_event', 'the notification is not an object', text)
  const payload = [['body', 'subject'], ['pn_apns', 'body', 'subject'], ['subject']].reduce(withoutMember, text)
  const notification = unwrap(sent)
  const [entity, read] = readerOf(notification)
  const done = readInput(entity, payload, read)
  return 'reject' in done ? { inputs: 1, records: [], rejects: [done.reject] } : { inputs: 1, records: done.records, rejects: [] }
}

function readerOf(notification: Json): [EntityName, () => ReturnType<typeof readSessionEvent>] {
  const event = textAt(notification, 'event') ?? ''
  const body = objectAt(notification, 'body')
  if (event.includes('/telephony/sessions')) return ['call_events', () => readSessionEvent(body)]
  if (event.includes('/presence')) return ['presence_events', () => readPresenceEvent(body, notification)]
  if (event.includes('/message-store/instant')) {
    const { subject: _, ...bare }: Json = { uri: event, ...body }
    return ['messages', () => readMessage(bare, JSON.stringify(bare))]
  }
  if (event.includes('/ringsense/')) return ['transcripts', () => readInsights(body)]
  // Read from the archive, the insights come without the notification around them.
  if (notification['sourceRecordId'] !== undefined) return ['transcripts', () => readInsights(notification)]
  if (notification['jobId'] !== undefined) return ['transcripts', () => fault('unmatched', 'the result of a speech job, which names no recording')]
  return ['call_events', () => fault('unknown_event', 'event is none that this source subscribes to')]
}

function fault(code: RejectCode, reason: string): never {
  throw new InputFault(code, reason)
}

function refused(code: RejectCode, reason: string, payload: string): Pushed {
  const reject: Reject = { position: positionOf('notification', payload), code, reason, payload }
  return { inputs: 1, records: [], rejects: [reject] }
}
