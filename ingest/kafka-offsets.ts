/** Next offsets per partition, as the reader keeps them and librdkafka wants them. */

export interface PartitionOf {
  topic: string
  partition: number
}

/** Keyed `topic/partition`; the offset of the first message that is not loaded yet. */
export type NextOffsets = Map<string, number>

export function partitionKey({ topic, partition }: PartitionOf): string {
  return `${topic}/${partition}`
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
