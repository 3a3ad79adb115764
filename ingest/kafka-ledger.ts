/**
 * The ledger of a Kafka source: what has been loaded of every partition, each
 * under a stream of its own, so that members of a group in several processes
 * never overwrite one another. It is what reading begins from; the group's
 * committed offsets are for lag monitors, and for partitions the ledger does not
 * know.
 *
 * An entry also names the range that is being loaded. Whoever finds it unfinished
 * cuts the same batch again, sees what of it is stored, and writes the rest. That
 * only saves work: where it cannot be done, row identity makes a second copy
 * harmless.
 */
import { CallhouseError } from '../errors.ts'
import { POSITION_FORMAT } from '../sql/checkpoints.ts'
import { fingerprint, type KafkaBatch } from './kafka-batch.ts'
import { partitionKey, type PartitionOf } from './kafka-offsets.ts'
import type { Position, PullContext } from './source.ts'

const PREFIX = 'kafka/'

export interface LedgerEntry {
  /** The offset of the first message that is not loaded. */
  next: number
  /** Of the message before that one; an entry of an earlier version has none. */
  fingerprint?: number
  pending?: PendingRange
}

/** The load that was under way: this partition's part of it ends before `next`. */
export interface PendingRange {
  next: number
  fingerprint: number
  /** What all ranges of the batch have in common. */
  batch: string
  /** When its rows were made: a column of theirs. */
  observed_at: string
  /** How many partitions the batch is from. */
  partitions: number
}

/** A batch's ranges as positions to save. */
export function positionsOf({ ranges }: KafkaBatch): Position[] {
  return [...ranges].map(([key, { from, next, last }]) => ({ stream: `${PREFIX}${key}`, from, next, fingerprint: fingerprint(last) }))
}

/** The ledger's entries of some partitions; partitions it does not know are left out. Throws checkpoint_invalid for what it cannot read. */
export async function readLedger(partitions: readonly PartitionOf[], checkpoint: PullContext['checkpoint']): Promise<Map<string, LedgerEntry>> {
  const entries = new Map<string, LedgerEntry>()
  const read = async (partition: PartitionOf): Promise<void> => {
    const key = partitionKey(partition)
    const saved = await checkpoint(`${PREFIX}${key}`)
    if (saved !== undefined) entries.set(key, readEntry(saved, key))
  }
  await Promise.all(partitions.map(read))
  return entries
}

function readEntry(saved: unknown, key: string): LedgerEntry {
  const { format, next, fingerprint, pending } = (saved ?? {}) as LedgerEntry & { format?: unknown }
  if (typeof format === 'number' && format > POSITION_FORMAT)
    throw new CallhouseError(
      'checkpoint_invalid',
      `The ledger of Kafka partition ${key} was written by a newer Callhouse (format ${format}; this one knows ${POSITION_FORMAT}). Upgrade this process; nothing was read.`,
    )
  if (typeof format !== 'number' || !Number.isSafeInteger(next) || next < 0)
    throw new CallhouseError('checkpoint_invalid', `The ledger of Kafka partition ${key} cannot be read. ${howToReset(key)}`)
  return { next, ...(fingerprint !== undefined && { fingerprint }), ...(pending && pending.next > next && { pending }) }
}

/** The offsets a partition holds now: the first there is, and the one after the last. */
export interface Extent {
  low: number
  high: number
}

/**
 * Throws checkpoint_invalid when the ledger is ahead of a partition's end: the
 * topic was made anew, or lost its end. Returns how many messages were deleted
 * there before they were read.
 */
export function checkExtent(key: string, next: number, { low, high }: Extent): number {
  if (next > high) throw aheadOf(key, next, `its last offset is ${high - 1}`)
  return Math.max(0, low - next)
}

/** The error for a partition whose offsets went back. */
export function aheadOf(key: string, next: number, found: string): CallhouseError {
  return new CallhouseError(
    'checkpoint_invalid',
    `The ledger is ahead of Kafka partition ${key}: it says offset ${next} is next, but ${found}. The topic was made anew or lost messages; reading stopped so that none are passed over. ${howToReset(key)}`,
  )
}

function howToReset(key: string): string {
  return `To read the partition from its beginning, delete the row of stream "${PREFIX}${key}" from the control plane's table checkpoints, and let a new group_id take over; records that are in already count once.`
}
