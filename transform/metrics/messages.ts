/** Text messages. */
import { metricsOf, over } from './metric.ts'

const { count, ratio, average, money } = metricsOf({ fact: 'fact_messages', attribution: 'creation of the message', source: 'Callhouse' })

const inStatus = (name: string, label: string, column: string, meaning: string) =>
  count({
    name,
    label,
    meaning,
    formula: `count of messages whose last status is ${column}`,
    expression: `sum(${column})`,
  })

export const messageMetrics = [
  count({ name: 'messages', label: 'Messages', meaning: 'Messages sent and received.', formula: 'count of messages', expression: 'sum(messages)' }),
  inStatus('delivered', 'Delivered', 'delivered', 'Messages the carrier confirmed as delivered.'),
  inStatus('undelivered', 'Undelivered', 'undelivered', 'Messages the carrier could not deliver.'),
  inStatus('failed', 'Failed', 'failed', 'Messages that could not be sent.'),
  inStatus('messages_queued', 'Messages queued', 'queued', 'Messages not yet sent.'),
  inStatus('messages_sent', 'Messages sent', 'sent', 'Messages sent, with no word about delivery.'),
  inStatus('messages_received', 'Messages received', 'received', 'Messages received.'),
  ratio({
    name: 'delivery_rate',
    label: 'Delivery rate',
    meaning: 'Share of the messages with a final outcome that were delivered; queued, sent and received ones have none.',
    formula: 'delivered / (delivered + undelivered + failed)',
    source: 'Callhouse',
    expression: over('sum(delivered)', 'sum(delivered + undelivered + failed)'),
  }),
  count({ name: 'segments', label: 'Segments', meaning: 'Billed message segments.', formula: 'Σ segments', expression: 'sum(segments)' }),
  average({
    name: 'average_delivery_ms',
    label: 'Average delivery time',
    meaning: 'Time from sending (from creation where the sending time is unknown) to delivery, per delivered message that has a delivery time.',
    formula: 'Σ delivery time / messages with a delivery time',
    expression: over('sum(delivery_ms)', 'sum(length(delivery_times_ms))'),
  }),
  average({
    name: 'delivery_p95_ms',
    label: 'Delivery time, 95th percentile',
    type: 'Nullable(UInt32)',
    meaning: 'The delivery time that 95 % of the delivered messages did not exceed; exact.',
    formula: 'sorted delivery times at index ⌊0.95 × n⌋',
    expression: 'quantileExactOrNullArray(0.95)(delivery_times_ms)',
  }),
  money({ name: 'message_cost', label: 'Message cost', meaning: 'What the messages cost.', formula: 'Σ price', expression: 'sum(price)' }),
]
