/** Which part of a dataset a recording belongs to. The same customer is always in the same part, however the data grows. */
import { createHash } from 'node:crypto'

export const splits = ['train', 'validation', 'test'] as const
export type Split = (typeof splits)[number]

const TRAIN = 0.8
const VALIDATION = 0.9

/**
 * 80/10/10 by sha256(seed|customer). A recording without a customer number
 * goes by its call, so all recordings of one call stay together.
 */
export function splitOf(seed: string, recording: { customer_number: string; source_id: string; call_id: string }): Split {
  const customer = recording.customer_number || `${recording.source_id}/${recording.call_id}`
  const place = createHash('sha256').update(`${seed}|${customer}`).digest().readUInt32BE(0) / 2 ** 32
  return place < TRAIN ? 'train' : place < VALIDATION ? 'validation' : 'test'
}
