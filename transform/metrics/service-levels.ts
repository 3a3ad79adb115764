/** Service level in every variant the facts can say, each by name: vendors disagree, and the number means nothing without its formula. */
import { metricsOf, over } from './metric.ts'

const { count, ratio } = metricsOf({ fact: 'fact_queues', attribution: 'entry into the queue', source: 'Callhouse' })

const answeredInTime = 'sum(arrayCount(w -> w <= {threshold_ms:UInt32}, answered_waits_ms))'
const abandonedInTime = 'sum(arrayCount(w -> w <= {threshold_ms:UInt32}, abandoned_waits_ms))'
const shortAbandons = 'sum(arrayCount(w -> w < {short_abandon_ms:UInt32}, abandoned_waits_ms))'

export const serviceLevelMetrics = [
  count({
    name: 'answered_within',
    label: 'Answered within',
    meaning: 'Answered visits whose wait was at most threshold_ms.',
    formula: 'A_T',
    expression: answeredInTime,
  }),
  ratio({
    name: 'service_level',
    label: 'Service level',
    meaning: 'Share of the offered visits answered within threshold_ms; the same as service_level_abandon_negative.',
    formula: 'A_T / offered',
    variant: 'abandon_negative',
    source: 'Cisco',
    expression: over(answeredInTime, 'sum(offered)'),
  }),
  ratio({
    name: 'service_level_answered_only',
    label: 'Service level, answered only',
    meaning: 'Share of the answered visits that were answered within threshold_ms; abandons do not count at all.',
    formula: 'A_T / answered',
    variant: 'answered_only',
    source: 'Wazo',
    expression: over(answeredInTime, 'sum(answered)'),
  }),
  ratio({
    name: 'service_level_abandon_ignored',
    label: 'Service level, abandons ignored',
    meaning: 'As if the visits abandoned within threshold_ms had never come.',
    formula: 'A_T / (offered − B_T)',
    variant: 'abandon_ignored',
    source: 'Cisco',
    // Both sides are counts of offered visits, B_T ≤ offered, so the difference never wraps.
    expression: over(answeredInTime, `(sum(offered) - ${abandonedInTime})`),
  }),
  ratio({
    name: 'service_level_abandon_negative',
    label: 'Service level, abandons negative',
    meaning: 'Every abandon counts against the service level.',
    formula: 'A_T / offered',
    variant: 'abandon_negative',
    source: 'Cisco',
    expression: over(answeredInTime, 'sum(offered)'),
  }),
  ratio({
    name: 'service_level_abandon_positive',
    label: 'Service level, abandons positive',
    meaning: 'An abandon within threshold_ms counts as served in time.',
    formula: '(A_T + B_T) / offered',
    variant: 'abandon_positive',
    source: 'Cisco',
    expression: over(`(${answeredInTime} + ${abandonedInTime})`, 'sum(offered)'),
  }),
  ratio({
    name: 'service_level_genesys',
    label: 'Service level, Genesys',
    meaning: 'Share of the answered and abandoned visits that were answered within threshold_ms; short abandons and flow-outs do not count.',
    formula: 'A_T / (answered + abandoned − short_abandons)',
    variant: 'genesys, with abandons on, flow-outs off and short abandons off; short_abandon_ms=0 counts every abandon',
    source: 'Genesys',
    expression: over(answeredInTime, `(sum(answered + abandoned) - ${shortAbandons})`),
  }),
]
