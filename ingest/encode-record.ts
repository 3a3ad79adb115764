/**
 * Turns a canonical record into the row that ClickHouse stores, or says which
 * field is wrong. This is the only place where a version becomes a number, a
 * time a column value, and a record a set of touched days.
 */
import type { Entity, Envelope } from './records/entity.ts'
import { FieldError, timeToMs } from './records/field.ts'
import { tsvOf, type RowBuffer } from './row-buffer.ts'

/** A record that touches more days than this is a mistake (a lost end time, a wrong clock), not a call. */
const MAX_SPAN_DAYS = 366
const DAY_MS = 86_400_000
const EPOCH_DAY = '1970-01-01'
const CONTENT_HASH_BITS = 20
const HALF_DIGITS = 7
const HALF = 10 ** HALF_DIGITS
/** A tombstone's content: above every other. */
const TOMBSTONE_HASH = 0xf_ffff
/** Hashes end below this; what is above them is room for replays, which add one each time they change a record. */
const CONTENT_HASHES = 0xf_f000

/** Where a record counts. */
export interface Placement {
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
  return Number(stored >> BigInt(CONTENT_HASH_BITS))
}

/** The columns of an entity's rows, in their order. The version stands last, since part of it is a hash of what is before it. */
export function columnsOf(entity: Entity): string[] {
  return ['tenant_id', 'source_id', 'observed_at', 'native_id', 'anchor_day', 'is_deleted', ...Object.keys(entity.fields), 'payload', 'version']
}

/**
 * Adds one record's row to `rows`. Throws FieldError, naming the field and never
 * its value, when a required field is missing or a value does not fit; then
 * nothing was added. A replay gives the least version it may be stored under:
 * one more than the row it replaces.
 */
export function encodeRecord(
  entity: Entity,
  record: Envelope & Record<string, unknown>,
  origin: Origin,
  rows: RowBuffer,
  at_least?: bigint,
): Placement {
  const native_id = record.native_id
  if (typeof native_id !== 'string' || native_id === '') throw new FieldError('native_id is required')
  // Half a character would be stored as a replacement character, and two such ids as one record.
  if (!native_id.isWellFormed()) throw new FieldError('native_id is not valid Unicode')
  const anchor_day = anchorDayOf(record)
  const is_deleted = checkDeleted(record.is_deleted)
  const version = checkVersion(record.version)
  const fields = encodeFields(entity, record, is_deleted)
  const payload = tsvOf((record.payload ?? JSON.stringify(record)).toWellFormed())
  const span = is_deleted ? undefined : spanOf(entity, record)
  const head = `${originColumns(origin)}${tsvOf(native_id)}\t${anchor_day}\t${is_deleted ? 1 : 0}\t`
  rows.add(head, fields + payload, (crc) => {
    const hash = is_deleted ? TOMBSTONE_HASH : crc % CONTENT_HASHES
    return `\t${at_least === undefined ? storedVersion(version, hash) : atLeast(storedVersion(version, hash), at_least)}\n`
  })
  return { anchor_day, first_day: span && dayOf(span.first), last_day: span && dayOf(span.last) }
}

/** The day a record is stored under. Throws FieldError. */
export function anchorDayOf({ anchor_at }: Envelope): string {
  return anchor_at === undefined || anchor_at === null ? EPOCH_DAY : dayOf(named('anchor_at', () => timeToMs(anchor_at)))
}

/** Every field's column, each with the tab after it. */
function encodeFields(entity: Entity, record: Record<string, unknown>, is_deleted: boolean): string {
  let text = ''
  for (const key in entity.fields) {
    const field = entity.fields[key]!
    const value = record[key]
    if (is_deleted && (value === undefined || value === null || value === '')) text += `${tsvOf(field.blank)}\t`
    else {
      try {
        text += `${tsvOf(field.encode(value))}\t`
      } catch (thrown) {
        throw thrown instanceof FieldError ? new FieldError(`${key} ${thrown.message}`) : thrown
      }
    }
  }
  return text
}

/** Of a batch all records have one origin. */
let lastOrigin: Origin | undefined
let lastOriginColumns = ''
function originColumns(origin: Origin): string {
  if (origin !== lastOrigin) {
    lastOrigin = origin
    lastOriginColumns = `${tsvOf(origin.tenant_id)}\t${tsvOf(origin.source_id)}\t${origin.observed_at}\t`
  }
  return lastOriginColumns
}

function checkDeleted(is_deleted: unknown): boolean {
  const value = is_deleted ?? false
  if (typeof value !== 'boolean') throw new FieldError('is_deleted is not true or false')
  return value
}

function checkVersion(version: unknown): number {
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0 || version >= 2 ** 43)
    throw new FieldError('version is not a whole number between 0 and 2^43')
  return version
}

/**
 * The stored version: the source's own, then 20 bits of the content, so that of
 * two different contents under one source version the same one always wins,
 * whichever arrives first. A tombstone beats anything else under its version.
 * In decimal halves: a bigint for every record would cost more than its hash.
 */
function storedVersion(version: number, hash: number): string {
  const low = (version % HALF) * 2 ** CONTENT_HASH_BITS + hash
  const high = Math.floor(version / HALF) * 2 ** CONTENT_HASH_BITS + Math.floor(low / HALF)
  return high === 0 ? String(low) : `${high}${String(low % HALF).padStart(HALF_DIGITS, '0')}`
}

function atLeast(version: string, least: bigint): string {
  return String(BigInt(version) > least ? version : least)
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
