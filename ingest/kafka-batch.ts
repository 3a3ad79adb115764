/**
 * The messages of one load: encoded as they come, so that bytes are held and no
 * objects, with the range of every partition they are from.
 */
import { crc32 } from 'node:zlib'
import { EncodedBatch } from './encode-batch.ts'
import type { Origin } from './encode-record.ts'
import type { RawMessage } from './kafka-messages.ts'

/** What a message costs beside its value. */
const OVERHEAD_BYTES = 200

/** Puts what a message says, or what is wrong with it, into a batch. */
export type ReadMessage = (message: RawMessage, into: EncodedBatch) => void

/** The messages of a partition from `from` to before `next`. */
export interface PartitionRange {
  from: number
  next: number
  /** The value of the last of them. */
  last: Buffer
}

export class KafkaBatch {
  readonly encoded: EncodedBatch
  readonly observed_at: string
  /** By partition key. */
  readonly ranges = new Map<string, PartitionRange>()
  readonly #read: ReadMessage
  #inputs = 0
  #bytes = 0

  constructor(origin: Origin, read: ReadMessage) {
    this.observed_at = origin.observed_at
    this.encoded = new EncodedBatch(origin)
    this.#read = read
  }

  get inputs(): number {
    return this.#inputs
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Adds the next message of a partition whose messages before `from` are loaded, or in here. */
  add(key: string, from: number, message: RawMessage): void {
    this.#read(message, this.encoded)
    const value = message.value ?? EMPTY
    const range = this.ranges.get(key)
    if (range) {
      range.next = message.offset + 1
      range.last = value
    } else this.ranges.set(key, { from, next: message.offset + 1, last: value })
    this.#inputs += 1
    this.#bytes += value.length + OVERHEAD_BYTES
  }
}

const EMPTY = Buffer.alloc(0)

/** What tells a message from another at the same offset of a topic made anew. */
export function fingerprint(value: Buffer | null): number {
  return crc32(value ?? EMPTY)
}
