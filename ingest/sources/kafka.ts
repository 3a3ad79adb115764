/** Canonical records from Kafka topics. */
import { CallhouseError } from '../../errors.ts'
import { loadKafka } from '../kafka-client.ts'
import { KafkaReader, type KafkaReaderOptions } from '../kafka-consumer.ts'
import { readKafkaMessage, rereadKafkaMessage, type RawMessage } from '../kafka-messages.ts'
import { positionsOf, readLedger } from '../kafka-ledger.ts'
import { entityNames, type CanonicalRecord } from '../records/index.ts'
import type { Batch, Position, PullContext, Reject, Source } from '../source.ts'

export type KafkaOptions = KafkaReaderOptions

const STREAM = 'kafka'

/**
 * Consumes `{ entity, record }` messages keyed by native_id. Unlike other
 * sources' pulls, this one ends only when the signal aborts. The ledger is
 * what counts (kafka-ledger.ts): reading begins at its offsets (then at the
 * group's committed ones, then at the start of the topic), and offsets are
 * committed to Kafka after it is saved, for lag monitors. A rejected message's position is
 * `topic/partition/offset`.
 */
export function createKafkaSource(options: KafkaOptions): Source {
  for (const key of ['brokers', 'topics'] as const) {
    if (!Array.isArray(options[key]) || options[key].length === 0)
      throw new CallhouseError('config_invalid', `${key} of a kafka source must be a list with at least one entry.`)
  }
  if (!options.group_id) throw new CallhouseError('config_invalid', 'A kafka source needs a group_id.')

  async function* pull(context: PullContext): AsyncGenerator<Batch, void> {
    if (context.signal.aborted) return
    const kafka = await loadKafka()
    const reader = await KafkaReader.open(kafka, options, (partitions) => readLedger(partitions, context.checkpoint), context)
    try {
      for (;;) {
        const messages = await reader.take()
        if (context.signal.aborted) return
        if (messages.length === 0) continue
        yield batchOf(messages, positionsOf(reader.takenOffsets()))
        reader.settle()
      }
    } finally {
      await reader.close()
    }
  }

  return { kind: 'kafka', entities: entityNames, pull, reparse: rereadKafkaMessage }
}

function batchOf(messages: readonly RawMessage[], positions: Position[]): Batch {
  const records: CanonicalRecord[] = []
  const rejects: Reject[] = []
  for (const message of messages) {
    const read = readKafkaMessage(message)
    if ('record' in read) records.push(read.record)
    else rejects.push(read.reject)
  }
  return { stream: STREAM, inputs: messages.length, records, rejects, checkpoint: undefined, positions }
}
