/** Numbers and trunks: does the network carry our calls, how well, and at what price. Counted per call leg on a trunk. */
import { metricsOf, over } from './metric.ts'

const { count, duration, ratio, average, money } = metricsOf({ fact: 'fact_numbers', attribution: 'start of the leg', source: 'Callhouse' })

export const numberMetrics = [
  count({
    name: 'seizures',
    label: 'Seizures',
    meaning: 'Attempts to use a trunk, answered or not.',
    formula: 'count of legs on a trunk',
    expression: 'sum(seizures)',
  }),
  count({
    name: 'legs_answered',
    label: 'Legs answered',
    meaning: 'Seizures that were answered.',
    formula: 'count of answered legs',
    expression: 'sum(answered)',
  }),
  ratio({
    name: 'asr',
    label: 'Answer-seizure ratio',
    meaning: 'Share of the seizures that were answered.',
    formula: 'answered / seizures',
    source: 'ITU-T E.411',
    expression: over('sum(answered)', 'sum(seizures)'),
  }),
  duration({
    name: 'billed_ms',
    label: 'Billed time',
    meaning: 'Billed time of the legs.',
    formula: 'Σ billed time',
    expression: 'sum(bill_ms)',
  }),
  average({
    name: 'acd_ms',
    label: 'Average call duration',
    meaning: 'Billed time per answered leg.',
    formula: 'Σ billed time / answered',
    source: 'VoIP carriers',
    expression: over('sum(bill_ms)', 'sum(answered)'),
  }),
  average({
    name: 'average_pdd_ms',
    label: 'Average post-dial delay',
    meaning: 'Time from dialling to the first ring or busy signal, over the legs that have one.',
    formula: 'Σ post-dial delay / legs with one',
    expression: over('sum(pdd_ms)', 'sum(pdd_count)'),
  }),
  ratio({
    name: 'average_mos',
    label: 'Average MOS',
    unit: 'number',
    meaning: 'Mean opinion score (1 to 5), over the legs that have one.',
    formula: 'Σ MOS / legs with media',
    expression: over('toFloat64(sum(mos_sum))', 'sum(mos_count)'),
  }),
  money({
    name: 'trunk_cost',
    label: 'Trunk cost',
    meaning: 'What carriers charged for the legs.',
    formula: 'Σ buy price',
    expression: 'sum(buy_price)',
  }),
  money({
    name: 'trunk_revenue',
    label: 'Trunk revenue',
    meaning: 'What customers were charged for the legs.',
    formula: 'Σ sell price',
    expression: 'sum(sell_price)',
  }),
  money({
    name: 'trunk_margin',
    label: 'Trunk margin',
    meaning: 'Revenue less cost; a leg without a price counts as 0 on that side.',
    formula: 'Σ sell price − Σ buy price',
    source: 'Yeti',
    expression: 'sum(sell_price) - sum(buy_price)',
  }),
]
