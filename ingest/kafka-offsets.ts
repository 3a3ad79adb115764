/** Next offsets per partition: what a Kafka source's checkpoint holds. */

export interface PartitionOf {
  topic: string
  partition: number
}

/** Keyed `topic/partition`; the offset of the first message that is not loaded yet. */
export type NextOffsets = Map<string, number>

export interface KafkaCheckpoint {
  format: 1
  offsets: Record<string, number>
}

export function partitionKey({ topic, partition }: PartitionOf): string {
  return `${topic}/${partition}`
}

export function checkpointOf(offsets: NextOffsets): KafkaCheckpoint {
  return { format: 1, offsets: Object.fromEntries(offsets) }
}

/** The offsets of a saved checkpoint; what is not an offset is left out, so Kafka's committed one counts. */
export function readOffsets(saved: unknown): NextOffsets {
  const offsets: NextOffsets = new Map()
  const stored = (saved as { offsets?: unknown } | null | undefined)?.offsets
  if (typeof stored !== 'object' || stored === null) return offsets
  for (const [key, offset] of Object.entries<unknown>(stored as Record<string, unknown>)) if (isOffset(offset)) offsets.set(key, offset)
  return offsets
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Raises each offset of `into` to the one in `from`; never lowers one. */
export function raise(into: NextOffsets, from: NextOffsets): void {
  for (const [key, offset] of from) if (offset > (into.get(key) ?? -1)) into.set(key, offset)
}

/** For librdkafka: the same offsets as topic partitions. */
export function toTopicPartitions(offsets: NextOffsets): (PartitionOf & { offset: number })[] {
  return [...offsets].map(([key, offset]) => {
    const slash = key.lastIndexOf('/')
    return { topic: key.slice(0, slash), partition: Number(key.slice(slash + 1)), offset }
  })
}
