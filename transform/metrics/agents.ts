/** Agents: the calls they handled, and how they spent their time. */
import { metricsOf, over } from './metric.ts'

const handled = metricsOf({ fact: 'fact_agents', attribution: 'answer by the agent', source: 'Callhouse' })
const events = metricsOf({ fact: 'fact_agents', attribution: 'the moment it happened', source: 'Callhouse' })
const clipped = metricsOf({ fact: 'fact_agents', attribution: 'time clipped to the bucket it was spent in', source: 'Callhouse' })

/** A state belongs to an agent, not to one of the queues the agent serves: by queue it would be partial, and its ratios wrong. */
const not_by = ['queue'] as const

const spent = (name: string, label: string, meaning: string, expression: string) =>
  clipped.duration({ name, label, meaning, formula: 'Σ clipped state time', expression, not_by })

const part = (name: string, label: string, what: string, column: string) => [
  handled.duration({ name, label, meaning: `${what} of handled calls.`, formula: 'Σ over handled calls', expression: `sum(${column})` }),
  handled.average({
    name: `average_${name}`,
    label: `Average ${label.toLowerCase()}`,
    meaning: `${what} per handled call.`,
    formula: `${name} / handled`,
    expression: over(`sum(${column})`, 'sum(handled)'),
  }),
]

export const agentMetrics = [
  handled.count({
    name: 'handled',
    label: 'Handled',
    meaning: 'Queue visits an agent answered.',
    formula: 'count of answered visits',
    source: 'Cisco',
    expression: 'sum(handled)',
  }),
  handled.average({
    name: 'aht_ms',
    label: 'Average handle time',
    meaning: 'Talk, hold and wrap-up per handled call.',
    formula: '(talk + hold + wrap-up) / handled',
    source: 'Genesys',
    expression: over('sum(handled_talk_ms + handled_hold_ms + handled_wrap_up_ms)', 'sum(handled)'),
  }),
  ...part('talk_ms', 'Talk time', 'Talk time', 'handled_talk_ms'),
  ...part('hold_ms', 'Hold time', 'Hold time', 'handled_hold_ms'),
  ...part('wrap_up_ms', 'Wrap-up time', 'Wrap-up time', 'handled_wrap_up_ms'),
  handled.ratio({
    name: 'transfer_rate',
    label: 'Transfer rate',
    meaning: 'Share of the handled calls that were transferred, by any kind of transfer.',
    formula: 'transferred / handled',
    source: 'RingCentral',
    expression: over('sum(transferred)', 'sum(handled)'),
  }),
  events.count({
    name: 'ring_no_answer',
    label: 'Ring no answer',
    meaning: 'Times a call rang an agent who did not pick up.',
    formula: 'count of ring_no_answer events',
    expression: 'sum(ring_no_answer)',
  }),
  spent('available_ms', 'Available', 'Time agents were idle and ready for a call.', 'sum(available_ms)'),
  spent('ringing_ms', 'Ringing', 'Time an agent’s phone rang.', 'sum(ringing_ms)'),
  spent('talking_ms', 'Talking', 'Time agents were in a call, hold included.', 'sum(talking_ms)'),
  spent('wrapping_up_ms', 'Wrapping up', 'Time agents were in after-call work.', 'sum(wrap_up_ms)'),
  spent('paused_ms', 'Paused', 'Time agents were logged in but not ready for a call.', 'sum(paused_ms)'),
  clipped.duration({
    name: 'logged_in_ms',
    label: 'Logged in',
    meaning: 'Time agents were logged in, in any state.',
    formula: 'available + ringing + talking + wrapping up + paused',
    expression: 'sum(available_ms + ringing_ms + talking_ms + wrap_up_ms + paused_ms)',
    not_by,
  }),
  clipped.ratio({
    name: 'occupancy',
    label: 'Occupancy',
    meaning: 'Share of the time handling or ready for calls that was spent handling; pauses and ringing are in neither.',
    formula: '(talking + wrapping up) / (talking + wrapping up + available)',
    variant: 'Denominator: handle time + available time.',
    source: 'WFM Labs',
    expression: over('sum(talking_ms + wrap_up_ms)', 'sum(talking_ms + wrap_up_ms + available_ms)'),
    not_by,
  }),
  clipped.ratio({
    name: 'occupancy_logged_in',
    label: 'Occupancy of logged-in time',
    meaning: 'Share of the logged-in time, pauses and ringing included, that was spent handling calls.',
    formula: '(talking + wrapping up) / logged in',
    variant: 'Denominator: logged-in time; some vendors call it utilization.',
    source: 'Callhouse',
    expression: over('sum(talking_ms + wrap_up_ms)', 'sum(available_ms + ringing_ms + talking_ms + wrap_up_ms + paused_ms)'),
    not_by,
  }),
]
