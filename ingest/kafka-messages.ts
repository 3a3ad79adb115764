/** A Kafka message as a canonical record, or what is wrong with it. */
import { isUtf8 } from 'node:buffer'
import { withoutMember } from './json-items.ts'
import { entities, type CanonicalRecord, type EntityName } from './records/index.ts'
import type { Reject, RejectCode, Reparsed, StoredInput } from './source.ts'

export interface RawMessage {
  topic: string
  partition: number
  offset: number
  value: Buffer | null
}

/** The warehouse holds a version in 43 bits. */
const VERSIONS = 2 ** 43

/**
 * Reads `{ "entity": "calls", "record": { "native_id": …, … } }`. A record
 * without a version gets its offset as one: a counter that only grows, as long
 * as all messages of an id are in one partition (key = native_id) of one topic
 * whose partitions are never re-made. Producers that cannot promise that send a
 * version. A record without a payload gets the message as one.
 */
export function readKafkaMessage(message: RawMessage): { record: CanonicalRecord } | { reject: Reject } {
  const text = textOf(message)
  if (typeof text !== 'string') return { reject: text }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return refuse(message, text, 'not_json', 'the message is not JSON')
  }
  if (!isObject(parsed)) return refuse(message, text, 'unknown_entity', 'the message is not an object with "entity" and "record"')
  const { entity, record } = parsed
  if (typeof entity !== 'string' || !Object.hasOwn(entities, entity))
    return refuse(message, text, 'unknown_entity', 'entity is not the name of a canonical entity')
  if (!isObject(record)) return refuse(message, text, 'identity_missing', 'record is not an object', entity)
  const input = withoutBody(entity as EntityName, record, text)
  if (typeof record['native_id'] !== 'string' || record['native_id'] === '')
    return refuse(message, input, 'identity_missing', 'record.native_id is not a non-empty string', entity)
  record['version'] ??= message.offset
  const version = record['version']
  if (!Number.isSafeInteger(version) || (version as number) < 0 || (version as number) >= VERSIONS) {
    const reason = 'record.version is not a whole number from 0 to 2^43 - 1 (epoch milliseconds, or a counter)'
    return refuse(message, input, 'field_invalid', reason, entity)
  }
  if (typeof record['payload'] !== 'string') record['payload'] = input
  return { record: { entity, record, input, position: positionOf(message) } as unknown as CanonicalRecord }
}

/** A message's text, or why it has none. */
export function textOf(message: RawMessage): string | Reject {
  const { value } = message
  if (value === null || value.length === 0) return refuse(message, '', 'not_json', 'the message is empty').reject
  if (isUtf8(value)) return value.toString('utf8')
  return refuse(message, value.toString('base64'), 'not_utf8', 'the message is not UTF-8; the payload is its base64').reject
}

/** A message as it was stored, read again. A record that brought a payload of its own was stored with that and is left as it is. */
export function rereadKafkaMessage(stored: StoredInput): Reparsed {
  // The offset is the version of what has none: a record's is known, a dead letter's is the end of its position.
  const offset = stored.version ?? Number(stored.position?.split('/').at(-1))
  const read = readKafkaMessage({ topic: '', partition: 0, offset, value: Buffer.from(stored.payload) })
  if ('record' in read) return { records: [read.record], rejects: [] }
  const is_own_payload = stored.position === undefined && read.reject.code !== 'field_invalid'
  return { records: [], rejects: is_own_payload ? [] : [read.reject] }
}

/** The message as it came, but never a message's body, wherever it would end up. */
function withoutBody(entity: EntityName, record: Record<string, unknown>, text: string): string {
  if (entity !== 'messages' || !('body' in record)) return text
  delete record['body']
  return withoutMember(text, ['record', 'body'])
}

/** What a dead letter of a message is found by. */
export function positionOf({ topic, partition, offset }: RawMessage): string {
  return `${topic}/${partition}/${offset}`
}

function refuse(message: RawMessage, payload: string, code: RejectCode, reason: string, entity?: string): { reject: Reject } {
  return { reject: { position: positionOf(message), ...(entity !== undefined && { entity }), code, reason, payload } }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
