/** The columns of the fact views as they go out; a test compares them with the schema. */

const TIME = { bucket_start: "DateTime('UTC')" }
const name = (...columns: string[]): Record<string, string> => Object.fromEntries(columns.map((column) => [column, 'LowCardinality(String)']))
const sum = (...columns: string[]): Record<string, string> => Object.fromEntries(columns.map((column) => [column, 'UInt64']))
const money = (...columns: string[]): Record<string, string> => Object.fromEntries(columns.map((column) => [column, 'Decimal(38, 6)']))
const waits = (...columns: string[]): Record<string, string> => Object.fromEntries(columns.map((column) => [column, 'Array(UInt32)']))

/** Fact view to its columns, in order. */
export const factColumns: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  fact_calls: {
    ...TIME,
    ...name('source_id', 'direction', 'queue_id', 'trunk_id', 'currency'),
    ...sum('calls', 'in_progress', 'answered', 'abandoned', 'no_answer', 'busy', 'failed', 'voicemail', 'rejected', 'transferred'),
    ...sum('ring_ms', 'talk_ms', 'hold_ms', 'wrap_up_ms'),
    ...money('cost'),
  },
  fact_queues: {
    ...TIME,
    ...name('source_id', 'queue_id'),
    ...sum('offered', 'waiting', 'answered', 'abandoned', 'timed_out', 'key_exits', 'voicemails', 'callbacks', 'diverted', 'other_exits', 'refused'),
    ...sum('transferred', 'answered_wait_ms', 'abandoned_wait_ms', 'wait_ms', 'ring_ms', 'talk_ms', 'hold_ms', 'wrap_up_ms'),
    ...waits('answered_waits_ms', 'abandoned_waits_ms', 'other_waits_ms'),
    wait_ms_max: 'UInt32',
  },
  fact_agents: {
    ...TIME,
    ...name('source_id', 'agent_id', 'queue_id'),
    ...sum('handled', 'ring_no_answer', 'transferred', 'handled_talk_ms', 'handled_hold_ms', 'handled_wrap_up_ms'),
    ...sum('available_ms', 'ringing_ms', 'talking_ms', 'wrap_up_ms', 'paused_ms'),
  },
  fact_messages: {
    ...TIME,
    ...name('source_id', 'direction', 'campaign', 'currency'),
    ...sum('messages', 'queued', 'sent', 'delivered', 'undelivered', 'failed', 'received', 'segments', 'media', 'delivery_ms'),
    ...money('price'),
    ...waits('delivery_times_ms'),
  },
  fact_numbers: {
    ...TIME,
    ...name('source_id'),
    number: 'String',
    ...name('trunk_id', 'direction', 'currency'),
    ...sum('seizures', 'answered', 'busy', 'no_answer', 'failed', 'pdd_count', 'mos_count', 'bill_ms', 'pdd_ms'),
    ...money('mos_sum', 'buy_price', 'sell_price'),
  },
  fact_usage: { ...TIME, ...name('source_id', 'account_id', 'category', 'unit', 'currency'), ...money('quantity', 'price') },
}
