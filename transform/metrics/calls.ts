/** Calls as the caller sees them. */
import { metricsOf, over } from './metric.ts'

const { count, duration, ratio, average, money } = metricsOf({ fact: 'fact_calls', attribution: 'start of the call', source: 'Callhouse' })

export const callMetrics = [
  count({ name: 'calls', label: 'Calls', meaning: 'Calls that started.', formula: 'count of calls', expression: 'sum(calls)' }),
  ...['Inbound', 'Outbound', 'Internal']
    .map((word) => [word, word.toLowerCase()] as const)
    .map(([word, direction]) =>
      count({
        name: `${direction}_calls`,
        label: `${word} calls`,
        meaning: `Calls whose direction is ${direction}.`,
        formula: `count of calls where direction = ${direction}`,
        expression: `sumIf(calls, direction = '${direction}')`,
      }),
    ),
  count({
    name: 'calls_in_progress',
    label: 'Calls in progress',
    meaning: 'Calls that had not ended when last seen.',
    formula: 'count of calls where disposition = in_progress',
    expression: 'sum(in_progress)',
  }),
  count({
    name: 'calls_answered',
    label: 'Calls answered',
    meaning: 'Calls that somebody answered.',
    formula: 'count of calls where disposition = answered',
    expression: 'sum(answered)',
  }),
  count({
    name: 'calls_abandoned',
    label: 'Calls abandoned',
    meaning: 'Calls whose caller hung up before an answer.',
    formula: 'count of calls where disposition = abandoned',
    expression: 'sum(abandoned)',
  }),
  count({
    name: 'calls_missed',
    label: 'Calls missed',
    meaning: 'Calls nobody answered: abandoned, no answer, busy, failed or rejected; voicemail is not counted as missed.',
    formula: 'abandoned + no_answer + busy + failed + rejected',
    expression: 'sum(abandoned + no_answer + busy + failed + rejected)',
  }),
  count({
    name: 'calls_to_voicemail',
    label: 'Calls to voicemail',
    meaning: 'Calls that ended in voicemail.',
    formula: 'count of calls where disposition = voicemail',
    expression: 'sum(voicemail)',
  }),
  count({
    name: 'calls_transferred',
    label: 'Calls transferred',
    meaning: 'Calls that were transferred at least once.',
    formula: 'count of calls with a transfer',
    expression: 'sum(transferred)',
  }),
  ratio({
    name: 'call_answer_rate',
    label: 'Call answer rate',
    meaning: 'Share of the calls that were answered.',
    formula: 'calls_answered / calls',
    expression: over('sum(answered)', 'sum(calls)'),
  }),
  duration({
    name: 'call_talk_ms',
    label: 'Talk time',
    meaning: 'Time spent talking in calls.',
    formula: 'Σ talk',
    expression: 'sum(talk_ms)',
  }),
  average({
    name: 'average_call_talk_ms',
    label: 'Average talk time',
    meaning: 'Talk time per answered call.',
    formula: 'Σ talk / calls_answered',
    expression: over('sum(talk_ms)', 'sum(answered)'),
  }),
  duration({
    name: 'call_ring_ms',
    label: 'Ring time',
    meaning: 'Time calls rang.',
    formula: 'Σ ring',
    expression: 'sum(ring_ms)',
  }),
  money({ name: 'cost', label: 'Cost', meaning: 'What the calls cost.', formula: 'Σ cost', expression: 'sum(cost)' }),
]
