/** How far a Kafka reader is behind, as figures for Prometheus. */
import type { PartitionLag } from './ingest/source.ts'
import type { Metrics } from './metrics.ts'
import type { SourceKey } from './source-health.ts'

/** Shows the lag it is called with; partitions that are no longer this member's lose their figure. */
export function showLag({ kafka_lag }: Pick<Metrics, 'kafka_lag'>, source: SourceKey): (lag: readonly PartitionLag[]) => void {
  let shown = new Map<string, Record<'tenant' | 'source' | 'topic' | 'partition', string>>()
  return (lag) => {
    const now: typeof shown = new Map()
    for (const { topic, partition, records } of lag) {
      const labels = { ...source, topic, partition: String(partition) }
      now.set(`${topic}/${partition}`, labels)
      kafka_lag.set(labels, records)
    }
    for (const [name, labels] of shown) if (!now.has(name)) kafka_lag.remove(labels)
    shown = now
  }
}
