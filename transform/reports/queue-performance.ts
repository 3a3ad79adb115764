/** How well each queue served its callers. */
import type { Report } from './report.ts'

export const queuePerformance: Report = {
  name: 'queue_performance',
  title: 'Queue performance',
  description: 'Callers offered, answered and lost per queue, how long they waited, and the service level.',
  metrics: [
    'offered',
    'answered',
    'abandoned',
    'flow_outs',
    'refused',
    'service_level',
    'answer_rate',
    'abandon_rate',
    'asa_ms',
    'wait_p50_ms',
    'wait_p95_ms',
    'longest_wait_ms',
    'aht_ms',
  ],
  dimensions: ['queue'],
  default_grain: 'none',
  order: [],
}
