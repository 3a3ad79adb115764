/** Pretend Telco's pages and items, as canonical records. */
import { createHash } from 'node:crypto'
import { sliceItems, withoutMember } from '../json-items.ts'
import { GarbledAnswer } from '../http-client.ts'
import { FieldError, timeToMs } from '../records/field.ts'
import { findEntity, type CanonicalRecord, type EntityName } from '../records/index.ts'
import type { RestPage } from '../rest-pages.ts'
import type { Reject, RejectCode, Reparsed, StoredInput } from '../source.ts'

type Item = Record<string, unknown>

/** A page's text as records and rejects; throws GarbledAnswer when it is not a page. */
export function readPretendPage(text: string, entity: EntityName, base: string): RestPage {
  const page: unknown = JSON.parse(text)
  if (!isObject(page) || !Array.isArray(page['items'])) throw new GarbledAnswer('the answer was no page: it has no items')
  const { next_cursor, items } = page as { next_cursor?: unknown; items: unknown[] }
  if (next_cursor !== null && (typeof next_cursor !== 'string' || next_cursor === ''))
    throw new GarbledAnswer('the answer was no page: next_cursor is neither a cursor nor null')
  const as_of_ms = timeOr(page['as_of'], 'the answer was no page: as_of is not a time')
  const sliced = sliceItems(text, 'items')
  const slices = sliced?.length === items.length ? sliced : items.map((item) => JSON.stringify(item))
  const records: CanonicalRecord[] = []
  const rejects: Reject[] = []
  for (let n = 0; n < items.length; n += 1) {
    const item = items[n]
    const payload = payloadOf(entity, item, slices[n]!)
    const read = readItem(item, entity, payload, base)
    if ('reason' in read) rejects.push(rejectOf(entity, payload, read))
    else records.push(read)
  }
  return { records, rejects, next_cursor, as_of_ms, bytes: text.length }
}

/** An item as it was stored, read again. */
export function rereadPretendItem(stored: StoredInput, base: string): Reparsed {
  if (!findEntity(stored.entity)) return { records: [], rejects: [{ code: 'unknown_entity', reason: 'the API has no such stream' }] }
  let item: unknown
  try {
    item = JSON.parse(stored.payload)
  } catch {
    return { records: [], rejects: [{ code: 'not_json', reason: 'the stored payload is not JSON' }] }
  }
  const entity = stored.entity as EntityName
  const read = readItem(item, entity, payloadOf(entity, item, stored.payload), base)
  return 'reason' in read ? { records: [], rejects: [read] } : { records: [read], rejects: [] }
}

interface Fault {
  code: RejectCode
  reason: string
}

const NOT_AN_OBJECT: Fault = { code: 'identity_missing', reason: 'the item is not an object' }
const NO_ID: Fault = { code: 'identity_missing', reason: 'id is missing' }
/** Half a character is stored as a replacement character: two such ids would be one. */
const ODD_ID: Fault = { code: 'identity_missing', reason: 'id is not valid Unicode' }
const ODD_DELETED: Fault = { code: 'field_invalid', reason: 'deleted is not true or false' }

/** The record, or what is wrong with the item. The parsed item itself becomes the record: a copy would double the cost. */
function readItem(item: unknown, entity: EntityName, payload: string, base: string): CanonicalRecord | Fault {
  if (!isObject(item)) return NOT_AN_OBJECT
  const id = item['id']
  if (id === '' || (typeof id !== 'string' && !Number.isSafeInteger(id))) return NO_ID
  if (typeof id === 'string' && !id.isWellFormed()) return ODD_ID
  const deleted = item['deleted'] ?? false
  if (typeof deleted !== 'boolean') return ODD_DELETED
  const anchor_ms = timeOrUndefined(item['created_at'])
  if (anchor_ms === undefined) return badTime('created_at', item['created_at'])
  const version = timeOrUndefined(item['updated_at'])
  if (version === undefined) return badTime('updated_at', item['updated_at'])
  item['native_id'] = String(id)
  item['anchor_at'] = anchor_ms
  item['version'] = version
  item['is_deleted'] = deleted
  item['payload'] = payload
  if (entity === 'recordings') item['uri'] = `${base}/v1/recordings/${encodeURIComponent(String(id))}/audio`
  return new ItemRecord(entity, item, payload) as unknown as CanonicalRecord
}

/** A record whose position is worked out only where it is refused after all: two items of one id and version are still two inputs. */
class ItemRecord {
  constructor(
    readonly entity: EntityName,
    readonly record: Item,
    private readonly payload: string,
  ) {}

  get position(): string {
    return positionOf(this.entity, this.payload)
  }
}

function badTime(field: string, value: unknown): Fault {
  if (value === undefined || value === null || value === '') return { code: 'identity_missing', reason: `${field} is missing` }
  return { code: 'field_invalid', reason: `${field} is not a time between 1970 and 2149 with a zone` }
}

/** The item as it came, but for a message's body: that is not kept, wherever it would end up. */
function payloadOf(entity: EntityName, item: unknown, text: string): string {
  if (entity !== 'messages' || !isObject(item) || !('body' in item)) return text
  delete item['body']
  return withoutMember(text, ['body'])
}

/** An item without a usable id is known by its stream and content; a second copy of it is the same dead letter. */
function rejectOf(entity: EntityName, payload: string, fault: Fault): Reject {
  return { position: positionOf(entity, payload), entity, ...fault, payload }
}

function positionOf(entity: EntityName, payload: string): string {
  return `${entity}/${createHash('sha256').update(payload).digest('hex')}`
}

function timeOrUndefined(value: unknown): number | undefined {
  try {
    return timeToMs(value)
  } catch (thrown) {
    if (thrown instanceof FieldError) return undefined
    throw thrown
  }
}

/** Epoch milliseconds of a time that an answer must have. */
export function timeOr(value: unknown, reason: string): number {
  const ms = timeOrUndefined(value)
  if (ms === undefined) throw new GarbledAnswer(reason)
  return ms
}

export function isObject(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
