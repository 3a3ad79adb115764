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

/** The partition of a key. */
export function partitionOf(key: string): PartitionOf {
  const slash = key.lastIndexOf('/')
  return { topic: key.slice(0, slash), partition: Number(key.slice(slash + 1)) }
}

/** For librdkafka: the same offsets as topic partitions. */
export function toTopicPartitions(offsets: NextOffsets): (PartitionOf & { offset: number })[] {
  return [...offsets].map(([key, offset]) => ({ ...partitionOf(key), offset }))
}
