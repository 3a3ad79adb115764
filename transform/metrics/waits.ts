/** How long callers waited: averages from sums, percentiles from every single wait, never from averages. */
import { metricsOf, over } from './metric.ts'

const { average } = metricsOf({ fact: 'fact_queues', attribution: 'entry into the queue', source: 'Callhouse' })

const allWaits = 'arrayConcat(answered_waits_ms, abandoned_waits_ms, other_waits_ms)'

const percentile = (percent: number) =>
  average({
    name: `wait_p${percent}_ms`,
    label: `Wait, ${percent}th percentile`,
    type: 'Nullable(UInt32)',
    meaning: `The wait that ${percent} % of the visits did not exceed; exact, whatever the buckets.`,
    formula: `sorted waits of all visits at index ⌊0.${percent} × n⌋`,
    expression: `quantileExactOrNullArray(0.${percent})(${allWaits})`,
  })

export const waitMetrics = [
  average({
    name: 'asa_ms',
    label: 'Average speed of answer',
    meaning: 'Wait per answered visit, from entry into the queue to the answer, ringing included.',
    formula: 'Σ wait of answered / answered',
    source: 'Vodia',
    expression: over('sum(answered_wait_ms)', 'sum(answered)'),
  }),
  average({
    name: 'average_wait_ms',
    label: 'Average wait',
    meaning: 'Wait per visit, whether answered, abandoned or left otherwise.',
    formula: 'Σ wait / visits with a wait',
    source: 'Wazo',
    expression: over('sum(wait_ms)', 'sum(length(answered_waits_ms) + length(abandoned_waits_ms) + length(other_waits_ms))'),
  }),
  average({
    name: 'average_abandoned_wait_ms',
    label: 'Average wait before abandoning',
    meaning: 'Wait per abandoned visit.',
    formula: 'Σ wait of abandoned / abandoned',
    expression: over('sum(abandoned_wait_ms)', 'sum(abandoned)'),
  }),
  average({
    name: 'longest_wait_ms',
    label: 'Longest wait',
    type: 'Nullable(UInt32)',
    meaning: 'The longest wait of any visit.',
    formula: 'max wait',
    source: 'Amazon Connect',
    expression: 'if(sum(length(answered_waits_ms) + length(abandoned_waits_ms) + length(other_waits_ms)) = 0, NULL, max(wait_ms_max))',
  }),
  ...[50, 80, 90, 95].map(percentile),
]
