/** Callers in queues: how many, what became of them. How long they waited is in waits.ts, how well in service-levels.ts. */
import { metricsOf, over } from './metric.ts'

const common = { fact: 'fact_queues', attribution: 'entry into the queue', source: 'Callhouse' } as const
const { count, ratio } = metricsOf(common)

const outcome = (name: string, label: string, meaning: string, value: string) =>
  count({ name, label, meaning, formula: `count of visits where outcome = ${value}`, expression: `sum(${name})` })

export const queueMetrics = [
  count({
    name: 'offered',
    label: 'Offered',
    meaning: 'Visits that entered the queue, whatever became of them; refused visits never entered.',
    formula: 'answered + abandoned + flow_outs + waiting',
    source: 'Genesys',
    variant: 'Includes visits that still wait, and short abandons.',
    expression: 'sum(offered)',
  }),
  outcome('answered', 'Answered', 'Visits that an agent answered.', 'answered'),
  outcome('abandoned', 'Abandoned', 'Visits whose caller hung up while waiting.', 'abandoned'),
  outcome('timed_out', 'Timed out', 'Visits that reached the queue’s maximum wait.', 'timeout'),
  outcome('key_exits', 'Key exits', 'Visits whose caller left with a key.', 'key_exit'),
  outcome('voicemails', 'To voicemail', 'Visits that left for voicemail.', 'voicemail'),
  outcome('callbacks', 'Callbacks', 'Visits that left for a callback.', 'callback'),
  outcome('diverted', 'Diverted', 'Visits that flowed to another queue or place.', 'diverted'),
  count({
    name: 'other_exits',
    label: 'Other exits',
    meaning: 'Visits that ended because no agent was left or the system failed.',
    formula: 'count of visits where outcome = leave_empty or error',
    expression: 'sum(other_exits)',
  }),
  count({
    name: 'flow_outs',
    label: 'Flow-outs',
    meaning: 'Visits that left the queue neither answered nor abandoned.',
    formula: 'timed_out + key_exits + voicemails + callbacks + diverted + other_exits',
    source: 'Genesys',
    expression: 'sum(timed_out + key_exits + voicemails + callbacks + diverted + other_exits)',
  }),
  count({
    name: 'refused',
    label: 'Refused',
    meaning: 'Visits that could not enter: no agents, queue full or closed. Not offered.',
    formula: 'count of visits where outcome = join_empty, full or closed',
    expression: 'sum(refused)',
  }),
  count({
    name: 'waiting',
    label: 'Waiting',
    meaning: 'Visits neither answered nor ended when last seen.',
    formula: 'count of visits where outcome = waiting',
    expression: 'sum(waiting)',
  }),
  count({
    name: 'short_abandons',
    label: 'Short abandons',
    meaning: 'Abandoned visits whose wait was shorter than short_abandon_ms; they are also counted in abandoned and offered.',
    formula: 'count of abandoned visits where wait < short_abandon_ms',
    source: 'Cisco, counted here beside the others, as Genesys does',
    expression: 'sum(arrayCount(w -> w < {short_abandon_ms:UInt32}, abandoned_waits_ms))',
  }),
  ratio({
    name: 'abandon_rate',
    label: 'Abandon rate',
    meaning: 'Share of the offered visits whose caller hung up, short abandons included.',
    formula: 'abandoned / offered',
    source: 'Genesys, Amazon Connect',
    expression: over('sum(abandoned)', 'sum(offered)'),
  }),
  ratio({
    name: 'answer_rate',
    label: 'Answer rate',
    meaning: 'Share of the offered visits that were answered.',
    formula: 'answered / offered',
    expression: over('sum(answered)', 'sum(offered)'),
  }),
]
