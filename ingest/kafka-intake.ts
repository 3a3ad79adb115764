/**
 * What a member of a group does with the messages it gets: checks that each
 * follows the one before, and gathers them into the next batch. A batch that a
 * crash left unfinished is cut again first, exactly as it was.
 */
import { fingerprint, type KafkaBatch, type PartitionRange } from './kafka-batch.ts'
import { aheadOf, type Extent, type LedgerEntry } from './kafka-ledger.ts'
import type { RawMessage } from './kafka-messages.ts'
import { partitionKey, partitionOf } from './kafka-offsets.ts'
import { recoverable, type Recovery } from './kafka-recovery.ts'

/** A partition as it is given to a member: what the ledger knows of it, and what it holds. */
export interface AssignedPartition {
  entry: LedgerEntry
  extent: Extent
}

interface PartitionState {
  key: string
  /** The offset of the next message; undefined until the first, where the ledger knows nothing. */
  next: number | undefined
  /** Of the message before `next`, which is read again to see that the topic is still the same. */
  fingerprint: number | undefined
}

/** Makes an empty batch; one that is cut again has the rows' time of the first. */
export type NewBatch = (observed_at?: string) => KafkaBatch

export interface Cut {
  batch: KafkaBatch
  /** It is one that was cut before, and may be stored already. */
  is_repeated: boolean
}

export class KafkaIntake {
  readonly #newBatch: NewBatch
  #partitions = new Map<string, Map<number, PartitionState>>()
  #open: KafkaBatch
  #recoveries: Recovery[] = []
  /** Came too early for the batch that is cut again. */
  #early: RawMessage[] = []

  constructor(newBatch: NewBatch) {
    this.#newBatch = newBatch
    this.#open = newBatch()
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#open.bytes
  }

  /** Begins anew with these partitions; those the ledger does not know are left out of the map. */
  assign(known: ReadonlyMap<string, AssignedPartition>): void {
    this.clear()
    for (const [key, { entry }] of known) this.#add(key, { next: entry.next, fingerprint: entry.fingerprint })
    this.#recoveries = recoverable(known)
    this.#open = this.#begin()
  }

  /** Drops what is held, and every partition. */
  clear(): void {
    this.#partitions = new Map()
    this.#recoveries = []
    this.#early = []
    this.#open = this.#newBatch()
  }

  /** Where a partition is read from: one message early where that one can be told from another. */
  static startOf({ entry, extent }: AssignedPartition): number {
    return entry.fingerprint !== undefined && extent.low < entry.next ? entry.next - 1 : entry.next
  }

  /** Takes messages, those of a partition in their order. Throws checkpoint_invalid when they are not the ones the ledger speaks of. */
  receive(messages: readonly RawMessage[]): void {
    for (const message of messages) {
      const state = this.#stateOf(message)
      if (state.next !== undefined && message.offset < state.next) checkAgain(state, message)
      else if (this.#isEarly(state, message)) this.#early.push(message)
      else {
        this.#open.add(state.key, state.next ?? message.offset, message)
        state.next = message.offset + 1
      }
    }
  }

  /** Whether messages of a partition are of use now: while a batch is cut again, only those that belong to it. */
  wants(key: string): boolean {
    const [recovery] = this.#recoveries
    if (!recovery) return true
    const end = recovery.ends.get(key)
    return end !== undefined && !this.#isPast(key, end.next)
  }

  get isRecovering(): boolean {
    return this.#recoveries.length > 0
  }

  /** Whether there is a batch to load; one that is cut again must be whole. */
  get isReady(): boolean {
    const [recovery] = this.#recoveries
    if (!recovery) return this.#open.inputs > 0
    return [...recovery.ends].every(([key, { next }]) => this.#isPast(key, next))
  }

  /** The batch so far; a new one is begun. */
  cut(): Cut {
    const batch = this.#open
    const recovery = this.#recoveries.shift()
    this.#open = this.#begin()
    const early = this.#early
    this.#early = []
    this.receive(early)
    return { batch, is_repeated: recovery !== undefined && isSame(recovery, batch.ranges) }
  }

  #begin(): KafkaBatch {
    return this.#newBatch(this.#recoveries[0]?.observed_at)
  }

  #isEarly(state: PartitionState, { offset }: RawMessage): boolean {
    const [recovery] = this.#recoveries
    if (!recovery) return false
    const end = recovery.ends.get(state.key)
    return end === undefined || offset >= end.next
  }

  /** Whether all there is of a partition before an offset has come. */
  #isPast(key: string, next: number): boolean {
    const has = this.#open.ranges.get(key)
    return (has !== undefined && has.next >= next) || this.#early.some((message) => partitionKey(message) === key)
  }

  #stateOf({ topic, partition }: RawMessage): PartitionState {
    return this.#partitions.get(topic)?.get(partition) ?? this.#add(partitionKey({ topic, partition }), { next: undefined, fingerprint: undefined })
  }

  #add(key: string, state: Omit<PartitionState, 'key'>): PartitionState {
    const { topic, partition } = partitionOf(key)
    let partitions = this.#partitions.get(topic)
    if (!partitions) this.#partitions.set(topic, (partitions = new Map<number, PartitionState>()))
    const added = { key, ...state }
    partitions.set(partition, added)
    return added
  }
}

/** A message that is loaded already: the one before the first that is not, or the topic is another by now. */
function checkAgain(state: PartitionState, { offset, value }: RawMessage): void {
  if (offset !== state.next! - 1 || state.fingerprint === undefined) throw aheadOf(state.key, state.next!, `offset ${offset} came`)
  if (state.fingerprint !== fingerprint(value)) throw aheadOf(state.key, state.next!, `the message before that one is another than the one loaded`)
}

function isSame({ ends }: Recovery, ranges: ReadonlyMap<string, PartitionRange>): boolean {
  return (
    ranges.size === ends.size &&
    [...ends].every(([key, end]) => {
      const range = ranges.get(key)
      return range?.next === end.next && fingerprint(range.last) === end.fingerprint
    })
  )
}
