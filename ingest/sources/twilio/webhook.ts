/**
 * Status callbacks. They say what happened when, and not when the call or the
 * message was created, under which the lists know it: they become events, and
 * the next pull brings the record.
 */
import { CallhouseError } from '../../../errors.ts'
import { FieldError } from '../../records/field.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import type { Pushed, PushRequest } from '../../source.ts'
import { digest, readOr } from './convert.ts'
import { messageStatus } from './messages.ts'
import { isSigned } from './signature.ts'
import { sidOf, textOf, timeOf, type Item } from './values.ts'

/** What a caller, or a message, said, and where it may be fetched: never kept. */
const dropped = new Set(['Body', 'TranscriptionText', 'SpeechResult', 'Digits'])
const isDropped = (name: string): boolean => dropped.has(name) || /^MediaUrl\d+$/.test(name)

/** Of deliveries without a time the first counts: the earlier, the higher its version. */
const FIRST_WINS_FROM = 2 ** 42

/** Throws signature_invalid. */
export function receiveWebhook(request: PushRequest, now_ms: number, auth_token: string | undefined, public_url: string | undefined): Pushed {
  const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase()
  const params =
    request.method === 'GET'
      ? undefined
      : type === 'application/x-www-form-urlencoded'
        ? new URLSearchParams(request.body.toString('utf8'))
        : undefined
  const signed = request.method === 'GET' ? new URLSearchParams() : params
  if (auth_token === undefined || !isSigned(request, signed, auth_token, public_url))
    throw new CallhouseError(
      'signature_invalid',
      `A webhook has no valid X-Twilio-Signature. Check auth_token, which signs webhooks also where an API key is used, and public_url, which must be the address that Twilio calls.`,
    )
  const sent = params ?? (request.method === 'GET' ? queryOf(request.url) : undefined)
  const item = sent ? itemOf(sent) : jsonOf(request.body)
  const payload = JSON.stringify(item ?? null)
  const outcome = readOr(item, payload, (one) => readEvent(one, payload, now_ms))
  if (Array.isArray(outcome)) {
    if (outcome.length > 0) return { inputs: 1, records: outcome, rejects: [] }
    const reject = {
      position: `webhook/${digest(payload)}`,
      code: 'unknown_event' as const,
      reason: 'a webhook of a kind that is not known',
      payload,
    }
    return { inputs: 1, records: [], rejects: [reject] }
  }
  return { inputs: 1, records: [], rejects: [{ position: `webhook/${digest(payload)}`, ...outcome, payload }] }
}

function readEvent(item: Item, payload: string, now_ms: number): CanonicalRecord[] {
  if ('MessageSid' in item || 'SmsSid' in item) return [messageEvent(item, payload, now_ms)]
  if ('ConferenceSid' in item && 'StatusCallbackEvent' in item)
    return [callEvent(item, payload, now_ms, sidOf(item, 'ConferenceSid'), textOf(item, 'StatusCallbackEvent'))]
  if ('RecordingSid' in item && 'RecordingStatus' in item)
    return [callEvent(item, payload, now_ms, sidOf(item, 'RecordingSid'), `recording-${textOf(item, 'RecordingStatus')}`)]
  if ('CallSid' in item && 'CallStatus' in item) return [callEvent(item, payload, now_ms, sidOf(item, 'CallSid'), textOf(item, 'CallStatus'))]
  return []
}

function messageEvent(item: Item, payload: string, now_ms: number): CanonicalRecord {
  const message_id = 'MessageSid' in item ? sidOf(item, 'MessageSid') : sidOf(item, 'SmsSid')
  const word = textOf(item, 'MessageStatus') || textOf(item, 'SmsStatus')
  const { status } = messageStatus(word)
  return {
    entity: 'message_events',
    // Without a time in it there is none that another delivery would share: it is stored without locality.
    record: {
      native_id: `${message_id}/${word}`,
      version: FIRST_WINS_FROM - now_ms,
      payload,
      message_id,
      occurred_at: now_ms,
      status,
      error_code: textOf(item, 'ErrorCode'),
    },
  }
}

function callEvent(item: Item, payload: string, now_ms: number, sid: string, kind: string): CanonicalRecord {
  if (!/^[\w-]{1,64}$/.test(kind)) throw new FieldError('the event has no name')
  const time_ms = timeOf(item, 'Timestamp')
  const leg_id = textOf(item, 'CallSid')
  const when =
    time_ms === null ? { occurred_at: now_ms, version: FIRST_WINS_FROM - now_ms } : { occurred_at: time_ms, anchor_at: time_ms, version: time_ms }
  return {
    entity: 'call_events',
    record: {
      native_id: [
        sid,
        ...(leg_id === '' || leg_id === sid ? [] : [leg_id]),
        kind,
        ...(time_ms === null ? [] : [textOf(item, 'SequenceNumber') || String(time_ms)]),
      ].join('/'),
      ...when,
      payload,
      call_id: textOf(item, 'ParentCallSid') || leg_id,
      leg_id,
      kind,
      attributes: payload,
    },
  }
}

function itemOf(params: URLSearchParams): Item {
  return Object.fromEntries([...params].filter(([name]) => !isDropped(name)))
}

function queryOf(url: string): URLSearchParams {
  const at = url.indexOf('?')
  return new URLSearchParams(at === -1 ? '' : url.slice(at + 1))
}

function jsonOf(body: Buffer): Item | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'))
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined
    return Object.fromEntries(Object.entries(parsed).filter(([name]) => !isDropped(name)))
  } catch {
    return undefined
  }
}
