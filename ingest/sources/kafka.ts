/** Records from Kafka topics: canonical ones, or another source's own payloads. */
import { CallhouseError } from '../../errors.ts'
import type { EncodedBatch } from '../encode-batch.ts'
import { KafkaBatch, type ReadMessage } from '../kafka-batch.ts'
import { loadKafka } from '../kafka-client.ts'
import { KafkaReader, type KafkaReaderOptions } from '../kafka-consumer.ts'
import { positionsOf, readLedger } from '../kafka-ledger.ts'
import { positionOf, readKafkaMessage, rereadKafkaMessage, textOf, type RawMessage } from '../kafka-messages.ts'
import { clickhouseTime } from '../loader.ts'
import { entityNames, findEntity, type CanonicalRecord, type EntityName } from '../records/index.ts'
import type { Batch, PullContext, Reparsed, Source, StoredInput } from '../source.ts'
import { payloadParsers, type PayloadParser } from './payload-parsers.ts'

export interface KafkaOptions extends KafkaReaderOptions {
  /** Topics whose messages are another system's own payloads, and not canonical records. */
  payloads?: Readonly<Record<string, PayloadOptions>>
}

export interface PayloadOptions {
  /** A name in payload-parsers.ts. */
  parser: string
  /** What the topic's payloads are. */
  entity: EntityName
  /** The system's address, where its records point to it. */
  url?: string
}

const STREAM = 'kafka'

/**
 * Consumes `{ entity, record }` messages keyed by native_id, or what a system
 * itself would have answered, through that system's parser. Unlike other
 * sources' pulls, this one ends only when the signal aborts. The ledger is
 * what counts (kafka-ledger.ts): reading begins at its offsets (then at the
 * group's committed ones, then at the topic's beginning). Positions of rejects
 * are `topic/partition/offset`.
 */
export function createKafkaSource(options: KafkaOptions): Source {
  for (const key of ['brokers', 'topics'] as const) {
    if (!Array.isArray(options[key]) || options[key].length === 0)
      throw new CallhouseError('config_invalid', `${key} of a kafka source must be a list with at least one entry.`)
  }
  const readers = payloadReaders(options)
  if (!options.group_id) throw new CallhouseError('config_invalid', 'A kafka source needs a group_id.')

  async function* pull(context: PullContext): AsyncGenerator<Batch, void> {
    if (context.signal.aborted) return
    const { tenant_id, source_id, now } = context
    const intake = {
      ledger: (partitions: Parameters<typeof readLedger>[0]) => readLedger(partitions, context.checkpoint),
      newBatch: (observed_at = clickhouseTime(now())) => new KafkaBatch({ tenant_id, source_id, observed_at }, readMessage),
    }
    const reader = await KafkaReader.open(await loadKafka(), options, intake, context)
    try {
      while (!context.signal.aborted) {
        const cut = await reader.take()
        if (!cut) continue
        const { batch, is_repeated } = cut
        yield {
          stream: STREAM,
          inputs: batch.inputs,
          records: [],
          rejects: [],
          encoded: batch.encoded,
          checkpoint: undefined,
          positions: positionsOf(batch),
          observed_at: batch.observed_at,
          is_repeated,
        }
        reader.settle()
      }
    } finally {
      await reader.close()
    }
  }

  const readMessage: ReadMessage = (message, into) => {
    const reader = readers.get(message.topic)
    if (reader) readPayload(message, reader, into)
    else readCanonical(message, into)
  }

  /** A dead letter's topic is in its position; of a record only its entity is known. */
  function reparse(stored: StoredInput): Reparsed {
    const topic = stored.position?.split('/').slice(0, -2).join('/')
    const reader = topic === undefined ? [...readers.values()].find(({ entity }) => entity === stored.entity) : readers.get(topic)
    if (!reader || (topic === undefined && isCanonical(stored.payload))) return rereadKafkaMessage(stored)
    return reader.parse({ ...stored, entity: reader.entity })
  }

  return { kind: 'kafka', entities: entityNames, pull, reparse }
}

interface PayloadReader {
  entity: EntityName
  parse: PayloadParser
}

function payloadReaders({ topics, payloads = {} }: KafkaOptions): Map<string, PayloadReader> {
  const readers = new Map<string, PayloadReader>()
  for (const [topic, { parser, entity, url }] of Object.entries(payloads)) {
    const refuse = (what: string): CallhouseError => new CallhouseError('config_invalid', `payloads.${topic} of a kafka source: ${what}`)
    if (!topics.includes(topic)) throw refuse('the topic is not among the topics that are read.')
    if (!Object.hasOwn(payloadParsers, parser)) throw refuse(`there is no parser of that name. Known: ${Object.keys(payloadParsers).join(', ')}.`)
    if (!findEntity(entity)) throw refuse('entity is not the name of a canonical entity.')
    readers.set(topic, { entity, parse: payloadParsers[parser]!({ url }) })
  }
  return readers
}

function readPayload(message: RawMessage, { entity: of, parse }: PayloadReader, into: EncodedBatch): void {
  const text = textOf(message)
  if (typeof text !== 'string') return into.reject({ ...text, entity: of })
  const position = positionOf(message)
  const { records, rejects } = parse({ entity: of, payload: text, position })
  const [reject] = rejects
  if (reject) into.reject({ position, entity: of, ...reject, payload: text })
  else if (records.length === 0)
    into.reject({ position, entity: of, code: 'unmatched', reason: 'it cannot be read without the inputs around it', payload: text })
  into.addAll(records.map(({ entity, record }) => ({ entity, record, position, input: text }) as CanonicalRecord))
}

/** Whether a stored payload is a message of ours: a record that brought no payload of its own keeps the message. */
function isCanonical(payload: string): boolean {
  try {
    const message: unknown = JSON.parse(payload)
    return typeof message === 'object' && message !== null && 'entity' in message && 'record' in message
  } catch {
    return false
  }
}

function readCanonical(message: RawMessage, into: EncodedBatch): void {
  const read = readKafkaMessage(message)
  if ('record' in read) into.add(read.record)
  else into.reject(read.reject)
}
