/** The metric catalogue. To add a metric, add an entry to one of these lists; the compiler, the API and docs/metrics.md follow. */
import { CallhouseError } from '../../errors.ts'
import { didYouMean } from '../nearest-names.ts'
import { agentMetrics } from './agents.ts'
import { callMetrics } from './calls.ts'
import { messageMetrics } from './messages.ts'
import type { Metric } from './metric.ts'
import { numberMetrics } from './numbers.ts'
import { queueMetrics } from './queues.ts'
import { serviceLevelMetrics } from './service-levels.ts'
import { usageMetrics } from './usage.ts'
import { waitMetrics } from './waits.ts'

export type { Metric, MetricUnit } from './metric.ts'

/** Every metric, in the order the documentation lists them. */
export const metrics: readonly Metric[] = Object.freeze([
  ...queueMetrics,
  ...serviceLevelMetrics,
  ...waitMetrics,
  ...agentMetrics,
  ...callMetrics,
  ...messageMetrics,
  ...numberMetrics,
  ...usageMetrics,
])

const byName = new Map(metrics.map((metric) => [metric.name, metric]))
export const metricNames = [...byName.keys()]

/** The metric of that name; throws `metric_unknown` with the nearest names. */
export function findMetric(name: string): Metric {
  const metric = byName.get(name)
  if (!metric) throw new CallhouseError('metric_unknown', `No metric "${name.slice(0, 60)}". ${didYouMean(name, metricNames)}`)
  return metric
}
