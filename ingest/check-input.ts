/** Whether all records of one input can be stored: an input that makes several records is taken whole, or refused whole. */
import { encodeRecord } from './encode-record.ts'
import type { Envelope } from './records/entity.ts'
import { FieldError } from './records/field.ts'
import { entities, type CanonicalRecord } from './records/index.ts'
import { RowBuffer } from './row-buffer.ts'
import type { Reject } from './source.ts'

const nobody = { tenant_id: '', source_id: '', observed_at: '1970-01-01 00:00:00.000' }

/** What is wrong with the first record that cannot be stored, or undefined. The reason names no value. */
export function refusalOf(records: readonly CanonicalRecord[]): Pick<Reject, 'entity' | 'code' | 'reason'> | undefined {
  const rows = new RowBuffer()
  for (const { entity, record } of records) {
    try {
      // Any text can be a payload, and most of a record's bytes are its payload's.
      encodeRecord(entities[entity], { ...(record as unknown as Envelope & Record<string, unknown>), payload: '' }, nobody, rows)
    } catch (thrown) {
      if (!(thrown instanceof FieldError)) throw thrown
      const code = thrown.message.startsWith('native_id') ? 'identity_missing' : 'field_invalid'
      return { entity, code, reason: thrown.message }
    }
  }
  return undefined
}
