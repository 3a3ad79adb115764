/**
 * What a record's fields can be: how a value that arrives is checked, how it is
 * written to ClickHouse, and the column type that holds it. Nothing else in the
 * project decides any of the three.
 */

/** A value that does not fit its field; the message names no value, so it is safe to log. */
export class FieldError extends Error {}

export interface Field<T> {
  /** The ClickHouse column type. */
  readonly column: string
  /** True when the field must be present and not null. */
  readonly required: boolean
  /** What a tombstone holds where its source sends no value. */
  readonly blank: string | number | boolean | null
  /** Checks a value and turns it into what JSONCompactEachRow takes; throws FieldError. */
  readonly encode: (value: unknown) => string | number | boolean | null
  /** Carries the TypeScript type; never set. */
  readonly wire?: T
}

type Encode = Field<unknown>['encode']

/** A time as a source may give it: ISO 8601 with a zone, or epoch milliseconds. */
export type Time = string | number
/** A decimal as a string ("0.0075") or a number; strings keep every digit. */
export type Money = string | number

function field<T>(column: string, required: boolean, absent: string | number | boolean | null, encode: Encode): Field<T> {
  return {
    column,
    required,
    blank: absent,
    encode: (value) => {
      if (value === undefined || value === null || value === '') {
        if (required) throw new FieldError('is required')
        return absent
      }
      return encode(value)
    },
  }
}

const ISO_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/
const ISO_ZONED = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/
/** Outside these a DateTime64 column or a calendar day goes wrong silently. */
const EARLIEST_MS = Date.UTC(1970, 0, 1)
const LATEST_MS = Date.UTC(2149, 0, 1)

/** Epoch milliseconds of a time with a zone; throws FieldError for anything else. */
export function timeToMs(value: unknown): number {
  const ms = typeof value === 'number' ? value : typeof value === 'string' && value.length === 24 ? parseUtcMillis(value) : parseIso(value)
  if (!Number.isFinite(ms) || ms < EARLIEST_MS || ms >= LATEST_MS) throw new FieldError('is not a time between 1970 and 2149')
  return ms
}

const [DASH, COLON, POINT, T, Z] = ['-', ':', '.', 'T', 'Z'].map((sign) => sign.charCodeAt(0))
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** What nearly every source sends, 2026-10-31T14:15:16.789Z, several times as fast; anything else goes the long way. */
function parseUtcMillis(text: string): number {
  if (
    text.charCodeAt(4) !== DASH ||
    text.charCodeAt(7) !== DASH ||
    text.charCodeAt(10) !== T ||
    text.charCodeAt(13) !== COLON ||
    text.charCodeAt(16) !== COLON ||
    text.charCodeAt(19) !== POINT ||
    text.charCodeAt(23) !== Z
  )
    return parseIso(text)
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2)
  const month = twoDigits(text, 5)
  const day = twoDigits(text, 8)
  const hour = twoDigits(text, 11)
  const minute = twoDigits(text, 14)
  const second = twoDigits(text, 17)
  const ms = twoDigits(text, 20) * 10 + (twoDigits(text, 21) % 10)
  const most = DAYS_IN_MONTH[month - 1]! + (month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0)
  if (!(year >= 1970 && day >= 1 && day <= most && hour < 24 && minute < 60 && second < 60 && ms >= 0)) return parseIso(text)
  // Days since 1970 by the proleptic Gregorian calendar, with years that begin in March.
  const y = month > 2 ? year : year - 1
  const day_of_year = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const days = y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + day_of_year - 719_468
  return days * 86_400_000 + hour * 3_600_000 + minute * 60_000 + second * 1_000 + ms
}

/** Of a text that is a time: whether it is one to the millisecond, in UTC. */
function isMillisUtc(time: string): boolean {
  return time.length === 24 && time.charCodeAt(23) === Z
}

/** NaN unless both are digits. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48
  const ones = text.charCodeAt(at + 1) - 48
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN
}

function parseIso(value: unknown): number {
  if (typeof value !== 'string') throw new FieldError('is not a time (ISO 8601 with a zone, or epoch milliseconds)')
  if (!ISO_ZONED.test(value)) throw new FieldError('is not an ISO 8601 time with a zone')
  // Date.parse turns 31 February into 3 March without a word.
  const day = (value.charCodeAt(8) - 48) * 10 + value.charCodeAt(9) - 48
  if (day > 28 && day > daysInMonth(Number(value.slice(0, 4)), Number(value.slice(5, 7)))) return NaN
  return Date.parse(value)
}

function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate()
}

function encodeTime(value: unknown): string {
  const ms = timeToMs(value)
  // Hour 24 is ISO's, and not ClickHouse's.
  if (typeof value === 'string' && value.length <= 24 && !value.startsWith('24', 11) && (isMillisUtc(value) || ISO_UTC.test(value)))
    return `${value.slice(0, 10)} ${value.slice(11, -1)}`
  const iso = new Date(ms).toISOString()
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)}`
}

function encodeText(value: unknown): string {
  if (typeof value !== 'string') {
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    throw new FieldError('is not a string')
  }
  // Lone surrogates are not UTF-8 and would poison the whole insert.
  return value.isWellFormed() ? value : value.toWellFormed()
}

function integer(value: unknown, least: number, most: number): number {
  const n = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
  if (typeof n !== 'number' || !Number.isInteger(n)) throw new FieldError('is not a whole number')
  if (n < least || n > most) throw new FieldError(`is not between ${least} and ${most}`)
  return n
}

const DECIMAL = /^[+-]?\d{1,12}(\.\d+)?$/

function encodeMoney(value: unknown): string {
  const text = typeof value === 'number' ? decimalText(value) : value
  if (typeof text !== 'string' || !DECIMAL.test(text)) throw new FieldError('is not a decimal amount with at most 12 digits before the point')
  const point = text.indexOf('.')
  if (point === -1 || text.length - point <= 7) return text
  const fraction = text.slice(point + 1)
  if (/[1-9]/.test(fraction.slice(6))) throw new FieldError('has more than 6 decimal places')
  return text.slice(0, point + 7)
}

/** Doubles such as 0.1 + 0.2 carry noise past the sixth place; a sender of numbers means six. */
function decimalText(value: number): string {
  if (!Number.isFinite(value)) throw new FieldError('is not a finite amount')
  return value.toFixed(6)
}

function encodeFloat(value: unknown): number {
  const n = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof n !== 'number' || !Number.isFinite(n)) throw new FieldError('is not a number')
  return n
}

const UINT32 = 0xffff_ffff

export const text = (): Field<string | undefined> => field('String', false, '', encodeText)
export const requiredText = (): Field<string> => field('String', true, '', encodeText)
/** A name out of a small set that grows with the business: queue ids, currencies, codecs. */
export const name = (): Field<string | undefined> => field('LowCardinality(String)', false, '', encodeText)
export const requiredName = (): Field<string> => field('LowCardinality(String)', true, '', encodeText)

/** One of a fixed list of words. */
export function oneOf<const W extends readonly string[]>(words: W): Field<W[number]> {
  const known = new Set<string>(words)
  return field('LowCardinality(String)', true, '', (value) => {
    if (typeof value !== 'string' || !known.has(value)) throw new FieldError(`is not one of ${words.join(', ')}`)
    return value
  })
}

export const time = (): Field<Time> => field("DateTime64(3, 'UTC')", true, '1970-01-01 00:00:00.000', encodeTime)
export const optionalTime = (): Field<Time | null | undefined> => field("Nullable(DateTime64(3, 'UTC'))", false, null, encodeTime)

const CALENDAR_DAY = /^\d{4}-\d\d-\d\d$/
export const day = (): Field<string> =>
  field('Date', true, '1970-01-01', (value) => {
    if (typeof value !== 'string' || !isCalendarDay(value)) throw new FieldError('is not a calendar day (YYYY-MM-DD) between 1970 and 2149')
    return value
  })

function isCalendarDay(value: string): boolean {
  const ms = CALENDAR_DAY.test(value) ? Date.parse(`${value}T00:00:00Z`) : NaN
  return ms >= EARLIEST_MS && ms < LATEST_MS && new Date(ms).toISOString().startsWith(value)
}

/** Milliseconds, 0 to 49 days; a negative duration is refused. */
export const durationMs = (): Field<number | undefined> => field('UInt32', false, 0, (v) => integer(v, 0, UINT32))
export const optionalDurationMs = (): Field<number | null | undefined> => field('Nullable(UInt32)', false, null, (v) => integer(v, 0, UINT32))
export const count = (): Field<number | undefined> => field('UInt32', false, 0, (v) => integer(v, 0, UINT32))
export const optionalCount = (): Field<number | null | undefined> => field('Nullable(UInt32)', false, null, (v) => integer(v, 0, UINT32))
export const float = (): Field<number | null | undefined> => field('Nullable(Float64)', false, null, encodeFloat)
export const money = (): Field<Money | null | undefined> => field('Nullable(Decimal(18, 6))', false, null, encodeMoney)
export const requiredMoney = (): Field<Money> => field('Decimal(18, 6)', true, '0', encodeMoney)

export const flag = (): Field<boolean | undefined> =>
  field('Bool', false, false, (value) => {
    if (typeof value !== 'boolean') throw new FieldError('is not true or false')
    return value
  })
