/** Anything that Amazon Connect delivers, one payload at a time: contact records, agent events and analyses tell themselves apart. */
import { refusalOf } from '../../check-input.ts'
import { FieldError } from '../../records/field.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import type { Reject, Reparsed, StoredInput } from '../../source.ts'
import { eventTypes, readAgentEvent } from './agent-event.ts'
import { ChainBook } from './chain-book.ts'
import { readContact } from './contact-record.ts'
import { readContactLens } from './contact-lens.ts'
import { isObject, objectAt, type Json } from './json-fields.ts'
import { readPostCallAnalytics } from './post-call-analytics.ts'

export type Fault = Pick<Reject, 'entity' | 'code' | 'reason'>

/** A payload's records, all of them, or what is wrong with it. */
export function readPayload(text: string, book: ChainBook): CanonicalRecord[] | Fault {
  let payload: unknown
  try {
    payload = JSON.parse(text)
  } catch {
    return { code: 'not_json', reason: 'the payload is not JSON' }
  }
  if (!isObject(payload)) return { code: 'unknown_event', reason: 'the payload is not an object' }
  try {
    return readKind(payload, text, book)
  } catch (thrown) {
    if (!(thrown instanceof FieldError)) throw thrown
    return { code: thrown.message.startsWith('native_id') ? 'identity_missing' : 'field_invalid', reason: thrown.message }
  }
}

function readKind(payload: Json, text: string, book: ChainBook): CanonicalRecord[] | Fault {
  if ('SpeechSegments' in payload || 'ConversationAnalytics' in payload) return checked(readPostCallAnalytics(payload), 'transcripts')
  if ('CustomerMetadata' in payload || 'Transcript' in payload) return readAnalysis(payload)
  if ('EventType' in payload || 'AgentARN' in payload) return readEvent(payload, text)
  if ('ContactId' in payload || 'AWSContactTraceRecordFormatVersion' in payload) return readContactRecord(payload, text, book)
  return { code: 'unknown_event', reason: 'the payload is no contact record, agent event or analysis' }
}

function readContactRecord(contact: Json, text: string, book: ChainBook): CanonicalRecord[] | Fault {
  const missing = missingId(contact, 'ContactId', 'call_legs')
  if (missing) return missing
  const channel = contact['Channel'] ?? 'VOICE'
  if (channel !== 'VOICE') return { entity: 'call_legs', code: 'unknown_event', reason: 'the contact is no call: its channel is not VOICE' }
  const { records, summary } = readContact(contact, text)
  const fault = refusalOf(records)
  if (fault) return fault
  const call = summary && book.take(summary)
  return call ? [...records, call] : records
}

function readEvent(event: Json, text: string): CanonicalRecord[] | Fault {
  const missing = missingId(event, 'EventId', 'agent_events') ?? missingId(event, 'AgentARN', 'agent_events')
  if (missing) return missing
  if (!eventTypes.includes(event['EventType'] as string))
    return { entity: 'agent_events', code: 'unknown_event', reason: `EventType is none of ${eventTypes.join(', ')}` }
  const records = readAgentEvent(event, text)
  if (records.length === 0) return { entity: 'agent_events', code: 'unmatched', reason: 'the heartbeat has no snapshot of the agent' }
  return checked(records, 'agent_events')
}

function readAnalysis(analysis: Json): CanonicalRecord[] | Fault {
  const missing = missingId(objectAt(analysis, 'CustomerMetadata'), 'ContactId', 'transcripts')
  if (missing) return missing
  if ((analysis['Channel'] ?? 'VOICE') !== 'VOICE')
    return { entity: 'transcripts', code: 'unknown_event', reason: 'the analysis is of no call: its channel is not VOICE' }
  if ((analysis['JobStatus'] ?? 'COMPLETED') !== 'COMPLETED')
    return { entity: 'transcripts', code: 'unknown_event', reason: 'the analysis was not completed' }
  return checked(readContactLens(analysis), 'transcripts')
}

function missingId(object: Json, name: string, entity: string): Fault | undefined {
  const id = object[name]
  return typeof id === 'string' && id !== '' ? undefined : { entity, code: 'identity_missing', reason: `${name} is missing` }
}

function checked(records: CanonicalRecord[], entity: string): CanonicalRecord[] | Fault {
  const fault = refusalOf(records)
  return fault ? { ...fault, entity: fault.entity ?? entity } : records
}

/**
 * Reads payloads one after the other, as they come through a topic, and what is
 * stored of them again: a call of several contacts is none of its contacts'
 * payloads, so that it is left as it is.
 */
export function connectPayloads(book = new ChainBook()): (stored: StoredInput) => Reparsed {
  return (stored) => {
    const is_reread = stored.native_id !== undefined
    if (is_reread && isDerived(stored)) return { records: [], rejects: [] }
    const read = readPayload(stored.payload, is_reread ? new ChainBook() : book)
    if (!Array.isArray(read)) return { records: [], rejects: [read] }
    const is_chain = is_reread && read.some(({ entity, record }) => entity === 'calls' && 'leg_count' in record && (record.leg_count ?? 1) > 1)
    return { records: is_chain ? read.filter(({ entity }) => entity !== 'calls') : read, rejects: [] }
  }
}

/** Entities whose payload is a part of what came. */
function isDerived({ entity, payload }: StoredInput): boolean {
  if (['transcripts', 'transcript_turns', 'sentiment', 'queues', 'call_events'].includes(entity)) return true
  return entity === 'calls' && payload.startsWith('{"InitialContactId"')
}
