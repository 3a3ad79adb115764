/** Items of a page as records, rejects, and what to remember of them. */
import { createHash } from 'node:crypto'
import { withoutMember } from '../../json-items.ts'
import { FieldError } from '../../records/field.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import type { SeenEntry } from '../../seen-versions.ts'
import type { Reject } from '../../source.ts'
import { isObject } from './checkpoint.ts'
import type { List } from './lists.ts'
import { MissingIdentity, twilioTime, type Item } from './values.ts'

export interface Converted {
  /** Items that are not known to be loaded. */
  inputs: number
  records: CanonicalRecord[]
  rejects: Reject[]
  entries: SeenEntry[]
}

export const nothing = (): Converted => ({ inputs: 0, records: [], rejects: [], entries: [] })

/** Adds one item to `into`, unless just this is known to be loaded. Items from before `watch_from_ms` are not listed again, so nothing is kept of them. */
export function addItem(
  into: Converted,
  item: unknown,
  slice: string,
  list: Pick<List, 'idOf' | 'time' | 'volatile' | 'dropped' | 'entities'>,
  watch_from_ms: number,
  isSeen: (entry: SeenEntry) => boolean,
  read: (item: Item, payload: string) => CanonicalRecord[],
): void {
  const payload = list.dropped !== undefined && isObject(item) && list.dropped in item ? withoutMember(slice, [list.dropped]) : slice
  if (isObject(item)) {
    const time_ms = timeOfItem(item[list.time])
    if (time_ms === undefined || time_ms >= watch_from_ms) {
      const content = list.volatile === undefined ? payload : withoutMember(payload, [list.volatile])
      const entry = { id: list.idOf(item), version: time_ms ?? Number.MAX_SAFE_INTEGER, print: digest(content) }
      into.entries.push(entry)
      if (isSeen(entry)) return
    }
  }
  into.inputs += 1
  const outcome = readOr(item, payload, read)
  if (Array.isArray(outcome)) for (const record of outcome) into.records.push(record)
  else into.rejects.push({ position: `${list.entities[0]}/${digest(payload)}`, entity: list.entities[0]!, ...outcome, payload })
}

/** The records of an item, or why it has none. */
export function readOr(
  item: unknown,
  payload: string,
  read: (item: Item, payload: string) => CanonicalRecord[],
): CanonicalRecord[] | Pick<Reject, 'code' | 'reason'> {
  if (!isObject(item)) return { code: 'identity_missing', reason: 'the item is not an object' }
  try {
    return read(item, payload)
  } catch (thrown) {
    if (!(thrown instanceof FieldError)) throw thrown
    return { code: thrown instanceof MissingIdentity ? 'identity_missing' : 'field_invalid', reason: thrown.message }
  }
}

export function digest(text: string): string {
  return createHash('sha1').update(text).digest('base64url')
}

function timeOfItem(value: unknown): number | undefined {
  if (typeof value !== 'string' || value === '') return undefined
  return value.length === 10 ? twilioTime(`${value}T00:00:00.000Z`) : twilioTime(value)
}
