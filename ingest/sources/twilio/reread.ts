/** A stored payload, read again with today's mapping. */
import type { CanonicalRecord } from '../../records/index.ts'
import type { Reparsed, StoredInput } from '../../source.ts'
import { readBalance, readNumber, readUsage } from './billing.ts'
import { readCall } from './calls.ts'
import { isObject } from './checkpoint.ts'
import { readConference } from './conferences.ts'
import { readOr } from './convert.ts'
import { readMessage } from './messages.ts'
import { readRecording, readTranscription } from './recordings.ts'
import type { Item } from './values.ts'

type Reader = (item: Item, payload: string, stored: StoredInput, base: string) => CanonicalRecord[]

const readers: Readonly<Record<string, Reader>> = {
  calls: readRoot,
  call_legs: readRoot,
  call_events: (item, payload) => ('sid' in item ? readConference(item, payload) : []),
  messages: (item, payload) => readMessage(item, payload),
  recordings: (item, payload, _, base) => readRecording(item, payload, base),
  transcripts: (item, payload) => readTranscription(item, payload),
  usage: (item, payload) => readUsage(item, payload),
  numbers: (item, payload) => ('sid' in item ? readNumber(item, payload) : []),
  balances: (item, payload, { native_id = '' }) => {
    const as_of_ms = Date.parse(native_id.slice(native_id.indexOf('/') + 1))
    return Number.isNaN(as_of_ms) ? [] : readBalance(item, payload, as_of_ms)
  },
}

/** Which call a leg with a parent is of, only its neighbours say; and when a callback came, nothing but the first reading. */
function readRoot(item: Item, payload: string): CanonicalRecord[] {
  return typeof item['parent_call_sid'] === 'string' && item['parent_call_sid'] !== '' ? [] : readCall(item, payload, String(item['sid']))
}

/** Neither records nor rejects for what cannot be read by itself. */
export function reread(stored: StoredInput, base: string): Reparsed {
  let item: unknown
  try {
    item = JSON.parse(stored.payload)
  } catch {
    return { records: [], rejects: [{ code: 'not_json', reason: 'the stored payload is not JSON' }] }
  }
  const reader = Object.hasOwn(readers, stored.entity) ? readers[stored.entity] : undefined
  if (!reader || !isObject(item)) return { records: [], rejects: [] }
  const outcome = readOr(item, stored.payload, (one, payload) => reader(one, payload, stored, base))
  if (!Array.isArray(outcome)) return { records: [], rejects: [outcome] }
  const { native_id } = stored
  if (native_id === undefined) return { records: outcome, rejects: [] }
  return { records: outcome.filter(({ entity, record }) => entity === stored.entity && record.native_id === native_id), rejects: [] }
}
