/** Stored inputs, read again. A call and its legs need the record they came in, and the other records of the call. */
import type { Reparsed, StoredInput } from '../../source.ts'
import { CallMemory } from './call-memory.ts'
import { readCallRecord } from './call-records.ts'
import { readInput } from './json-fields.ts'
import { readMessage } from './message-records.ts'
import { readNotification } from './webhooks.ts'

const NEITHER: Reparsed = { records: [], rejects: [] }

export function rereadRingCentral({ entity, payload, position }: StoredInput): Reparsed {
  let item: unknown
  try {
    item = JSON.parse(payload)
  } catch {
    return { records: [], rejects: [{ code: 'not_json', reason: 'the stored payload is not JSON' }] }
  }
  if (entity === 'messages' || entity === 'voicemails') return asReparsed(readInput('messages', payload, () => readMessage(item, payload)))
  // What follows is read whole only as a dead letter.
  if (position === undefined) return NEITHER
  if (entity === 'calls') {
    const read = readInput('calls', payload, () => readCallRecord(item, payload, undefined))
    if ('reject' in read) return asReparsed(read)
    return { records: [...new CallMemory().join(read.part, payload, undefined), ...read.records], rejects: [] }
  }
  if (entity === 'extensions') return NEITHER
  const { records, rejects } = readNotification(Buffer.from(payload))
  return { records, rejects }
}

function asReparsed(read: ReturnType<typeof readInput>): Reparsed {
  return 'reject' in read ? { records: [], rejects: [read.reject] } : { records: read.records, rejects: [] }
}
