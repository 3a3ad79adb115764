/**
 * Turns a canonical record into the line that ClickHouse stores, or says which
 * field is wrong. This is the only place where a version becomes a number, a
 * time a column value, and a record a set of touched days.
 */
import { crc32 } from 'node:zlib'
import type { Entity, Envelope } from './records/entity.ts'
import { FieldError, timeToMs } from './records/field.ts'

/** A record that touches more days than this is a mistake (a lost end time, a wrong clock), not a call. */
const MAX_SPAN_DAYS = 366
const DAY_MS = 86_400_000
const EPOCH_DAY = '1970-01-01'
const CONTENT_HASH_BITS = 20n
/** A tombstone's content: above every other. */
const TOMBSTONE_HASH = 0xf_ffff
/** Hashes end below this; what is above them is room for replays, which add one each time they change a record. */
const CONTENT_HASHES = 0xf_f000

/** A record as stored: its JSONCompactEachRow line, and where it counts. */
export interface EncodedRecord {
  line: string
  anchor_day: string
  /** The UTC days it touches, first and last; undefined for entities that no fact reads by time. */
  first_day: string | undefined
  last_day: string | undefined
}

export interface Origin {
  tenant_id: string
  source_id: string
  /** ClickHouse DateTime64(3) text. */
  observed_at: string
}

/** The source's own version, out of a stored one. */
export function sourceVersion(stored: bigint): number {
  return Number(stored >> CONTENT_HASH_BITS)
}

/**
 * Encodes one record. Throws FieldError, naming the field and never its value,
 * when a required field is missing or a value does not fit. A replay gives the
 * least version it may be stored under: one more than the row it replaces.
 */
export function encodeRecord(entity: Entity, record: Envelope & Record<string, unknown>, origin: Origin, at_least = 0n): EncodedRecord {
  const native_id = record.native_id
  if (typeof native_id !== 'string' || native_id === '') throw new FieldError('native_id is required')
  const anchor_day =
    record.anchor_at === undefined || record.anchor_at === null ? EPOCH_DAY : dayOf(named('anchor_at', () => timeToMs(record.anchor_at)))
  const is_deleted = record.is_deleted === true
  const body = JSON.stringify(encodeFields(entity, record, is_deleted))
  const payload = record.payload ?? JSON.stringify(record)
  const own_version = storedVersion(record.version, is_deleted, payload, body)
  const version = own_version > at_least ? own_version : at_least
  const span = is_deleted ? undefined : spanOf(entity, record)
  const head = `[${JSON.stringify(origin.tenant_id)},${JSON.stringify(origin.source_id)},${JSON.stringify(native_id)},"${anchor_day}",${version},"${origin.observed_at}",${is_deleted ? 1 : 0},`
  return {
    line: `${head}${body.slice(1, -1)},${JSON.stringify(payload)}]\n`,
    anchor_day,
    first_day: span && dayOf(span.first),
    last_day: span && dayOf(span.last),
  }
}

function encodeFields(entity: Entity, record: Record<string, unknown>, is_deleted: boolean): unknown[] {
  const values: unknown[] = []
  for (const key in entity.fields) {
    const field = entity.fields[key]!
    const value = record[key]
    if (is_deleted && (value === undefined || value === null)) values.push(field.blank)
    else {
      try {
        values.push(field.encode(value))
      } catch (thrown) {
        throw thrown instanceof FieldError ? new FieldError(`${key} ${thrown.message}`) : thrown
      }
    }
  }
  return values
}

/**
 * The stored version: the source's own, then 20 bits of the content, so that of
 * two different contents under one source version the same one always wins,
 * whichever arrives first. A tombstone beats anything else under its version.
 */
function storedVersion(version: unknown, is_deleted: boolean, payload: string, body: string): bigint {
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0 || version >= 2 ** 43)
    throw new FieldError('version is not a whole number between 0 and 2^43')
  const hash = is_deleted ? TOMBSTONE_HASH : crc32(payload, crc32(body)) % CONTENT_HASHES
  return (BigInt(version) << CONTENT_HASH_BITS) | BigInt(hash)
}

function spanOf(entity: Entity, record: Record<string, unknown>): { first: number; last: number } | undefined {
  let first: number | undefined
  let last: number | undefined
  for (const key of entity.span) {
    const value = record[key]
    if (value === undefined || value === null || value === '') continue
    const ms = named(key, () => (entity.fields[key]!.column === 'Date' ? Date.parse(value as string) : timeToMs(value)))
    if (first === undefined || ms < first) first = ms
    if (last === undefined || ms > last) last = ms
  }
  if (first === undefined || last === undefined) return undefined
  if (last - first > MAX_SPAN_DAYS * DAY_MS) throw new FieldError(`${entity.span.join(', ')} span more than ${MAX_SPAN_DAYS} days`)
  return { first, last }
}

function named<T>(key: string, check: () => T): T {
  try {
    return check()
  } catch (thrown) {
    throw thrown instanceof FieldError ? new FieldError(`${key} ${thrown.message}`) : thrown
  }
}

/** Days come in runs: the last one asked for is nearly always the next one too. */
let lastDay = -1
let lastDayText = ''
function dayOf(ms: number): string {
  const day = Math.floor(ms / DAY_MS)
  if (day !== lastDay) {
    lastDay = day
    lastDayText = new Date(ms).toISOString().slice(0, 10)
  }
  return lastDayText
}

/** Every day from the first to the last, both included, as YYYY-MM-DD. */
export function daysBetween(first: string, last: string): string[] {
  const days: string[] = []
  for (let ms = Date.parse(first); ms <= Date.parse(last); ms += DAY_MS) days.push(new Date(ms).toISOString().slice(0, 10))
  return days
}
