/**
 * Notifications of live calls and of presence. Each is an event of its own: its
 * id holds the session's `sequence` in a fixed width, so a session's events in
 * the order of their ids are in the order they happened, however they arrived.
 */
import type { CanonicalRecord } from '../../records/index.ts'
import { InputFault, isObject, objectAt, objectsAt, requiredId, textAt, timeAt, type Json } from './json-fields.ts'

/** Reasons for which a party leaves while the call goes on elsewhere: no end of the call. */
const handedOn = new Set([
  'AgentAnswered',
  'AttendedTransfer',
  'BlindTransfer',
  'CallerInputRedirect',
  'CallFlip',
  'CallPark',
  'CallRedirected',
  'CallSwitch',
  'Conference',
  'DtmfTransfer',
  'ParkLocation',
  'Pickup',
  'RccTransfer',
  'TakeOver',
])

/** A telephony session event: one call event per party. `Disconnected` is only ever an end; a party that was handed on is `Transferred`. */
export function readSessionEvent(body: Json): { records: CanonicalRecord[] } {
  const session = requiredId(body, 'telephonySessionId')
  const { sequence } = body
  if (!Number.isSafeInteger(sequence) || (sequence as number) < 0) throw new InputFault('field_invalid', 'sequence is not a whole number')
  const occurred_at = timeAt(body, 'eventTime')
  const parties = objectsAt(body, 'parties')
  if (parties.length === 0) throw new InputFault('identity_missing', 'parties is empty: the event is nobody’s')
  const records = parties.map((party): CanonicalRecord => {
    const id = requiredId(party, 'id')
    const status = objectAt(party, 'status')
    const code = textAt(status, 'code')
    if (code === undefined) throw new InputFault('field_invalid', 'status.code of a party is missing')
    const reason = textAt(status, 'reason')
    return {
      entity: 'call_events',
      record: {
        native_id: `${session}/${String(sequence).padStart(10, '0')}/${id}`,
        anchor_at: occurred_at,
        version: occurred_at,
        payload: JSON.stringify(party),
        call_id: session,
        leg_id: id,
        occurred_at,
        kind: kindOf(code, reason),
        agent_id: textAt(party, 'extensionId'),
        attributes: JSON.stringify({ sequence, code, reason, direction: party['direction'], peer: status['peerId'] }),
      },
    }
  })
  return { records }
}

function kindOf(code: string, reason: string | undefined): string {
  const has_left = code === 'Disconnected' || code === 'Gone'
  return has_left && reason !== undefined && handedOn.has(reason) ? 'Transferred' : code
}

/** A presence event; `sent` is the notification around it. */
export function readPresenceEvent(body: Json, sent: Json): { records: CanonicalRecord[] } {
  const user_id = requiredId(body, 'extensionId')
  const occurred_at = timeAt(sent, 'timestamp')
  const dnd = textAt(body, 'dndStatus')
  const record = {
    native_id: `${user_id}/${occurred_at}/${typeof body['sequence'] === 'number' ? body['sequence'] : 0}`,
    anchor_at: occurred_at,
    version: occurred_at,
    payload: JSON.stringify(body),
    user_id,
    occurred_at,
    availability: textAt(body, 'presenceStatus') ?? '',
    telephony: textAt(body, 'telephonyStatus'),
    is_dnd: dnd === 'DoNotAcceptAnyCalls',
  }
  return { records: [{ entity: 'presence_events', record }] }
}

/** The notification's own content, which for Apple's push service is wrapped once more. */
export function unwrap(notification: Json): Json {
  const inner = notification['pn_apns']
  return isObject(notification['body']) || !isObject(inner) ? notification : inner
}
