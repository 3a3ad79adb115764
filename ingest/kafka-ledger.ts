/**
 * The ledger of a Kafka source: the next offset of every partition, each under
 * a stream of its own, so that members of a group in several processes never
 * overwrite one another. It is what reading begins from; the group's committed
 * offsets are for lag monitors, and for partitions the ledger does not know.
 */
import { CallhouseError } from '../errors.ts'
import { partitionKey, type NextOffsets, type PartitionOf } from './kafka-offsets.ts'
import type { Position, PullContext } from './source.ts'

/** The format of positions that this version writes (sql/checkpoints.ts). */
const FORMAT = 1

const PREFIX = 'kafka/'

/** Next offsets as positions to save. */
export function positionsOf(offsets: NextOffsets): Position[] {
  return [...offsets].map(([key, next]) => ({ stream: `${PREFIX}${key}`, next }))
}

/** The ledger's offsets of some partitions; partitions it does not know are left out. Throws checkpoint_invalid for what it cannot read. */
export async function readLedger(partitions: readonly PartitionOf[], checkpoint: PullContext['checkpoint']): Promise<NextOffsets> {
  const offsets: NextOffsets = new Map()
  const read = async (partition: PartitionOf): Promise<void> => {
    const key = partitionKey(partition)
    const saved = await checkpoint(`${PREFIX}${key}`)
    if (saved !== undefined) offsets.set(key, readNext(saved, key))
  }
  await Promise.all(partitions.map(read))
  return offsets
}

function readNext(saved: unknown, key: string): number {
  const { format, next } = (saved ?? {}) as { format?: unknown; next?: unknown }
  if (typeof format === 'number' && format > FORMAT)
    throw new CallhouseError(
      'checkpoint_invalid',
      `The ledger of Kafka partition ${key} was written by a newer Callhouse (format ${format}; this one knows ${FORMAT}). Upgrade this process; nothing was read.`,
    )
  if (format !== FORMAT || !Number.isSafeInteger(next) || (next as number) < 0)
    throw new CallhouseError('checkpoint_invalid', `The ledger of Kafka partition ${key} cannot be read. ${howToReset(key)}`)
  return next as number
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
