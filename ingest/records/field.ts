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
  const ms = typeof value === 'number' ? value : parseIso(value)
  if (!Number.isFinite(ms) || ms < EARLIEST_MS || ms >= LATEST_MS) throw new FieldError('is not a time between 1970 and 2149')
  return ms
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
  if (typeof value === 'string' && value.length <= 24 && ISO_UTC.test(value)) return `${value.slice(0, 10)} ${value.slice(11, -1)}`
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
  const fraction = text.split('.')[1] ?? ''
  if (/[1-9]/.test(fraction.slice(6))) throw new FieldError('has more than 6 decimal places')
  return fraction.length > 6 ? text.slice(0, text.length - (fraction.length - 6)) : text
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

/** One of a fixed list of words, or nothing. */
export function optionalOneOf<const W extends readonly string[]>(words: W): Field<W[number] | undefined> {
  return { ...oneOf(words), required: false, encode: optional(oneOf(words).encode) }
}

function optional(encode: Encode): Encode {
  return (value) => (value === undefined || value === null || value === '' ? '' : encode(value))
}

export const time = (): Field<Time> => field("DateTime64(3, 'UTC')", true, '1970-01-01 00:00:00.000', encodeTime)
export const optionalTime = (): Field<Time | null | undefined> => field("Nullable(DateTime64(3, 'UTC'))", false, null, encodeTime)

const CALENDAR_DAY = /^\d{4}-\d\d-\d\d$/
export const day = (): Field<string> =>
  field('Date', true, '1970-01-01', (value) => {
    if (typeof value !== 'string' || !isCalendarDay(value)) throw new FieldError('is not a calendar day (YYYY-MM-DD)')
    return value
  })

function isCalendarDay(value: string): boolean {
  const ms = CALENDAR_DAY.test(value) ? Date.parse(`${value}T00:00:00Z`) : NaN
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(value)
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
