/** Twilio's values as ours: numbers that come as strings, RFC 2822 dates, prices that are negative. Messages name the field, never the value. */
import { FieldError, timeToMs } from '../../records/field.ts'

export type Item = Readonly<Record<string, unknown>>

/** A field that the record's identity is made of is missing. */
export class MissingIdentity extends FieldError {}

const SID = /^[A-Za-z0-9]{2,64}$/
const YEAR_MS = 366 * 86_400_000

/** An id that must be there; throws MissingIdentity. */
export function sidOf(item: Item, key: string): string {
  const value = item[key]
  if (typeof value !== 'string' || !SID.test(value)) throw new MissingIdentity(`${key} is missing or no id`)
  return value
}

/** A text, or '' where Twilio sends null. */
export function textOf(item: Item, key: string): string {
  const value = item[key]
  if (value === undefined || value === null) return ''
  if (typeof value !== 'string') throw new FieldError(`${key} is not a string`)
  return value
}

/** An id, a code or a count that may come as a number. */
export function wordOf(item: Item, key: string): string {
  const value = item[key]
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : textOf(item, key)
}

/** A whole number of at least 0, or null where Twilio knows none yet. */
export function countOf(item: Item, key: string): number | null {
  const value = item[key]
  if (value === undefined || value === null || value === '') return null
  const count = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
  if (typeof count !== 'number' || !Number.isInteger(count)) throw new FieldError(`${key} is not a whole number`)
  if (count < 0 || count > 0xffff_ffff) throw new FieldError(`${key} is not between 0 and 4294967295`)
  return count
}

/** Milliseconds of a duration in seconds. */
export function secondsOf(item: Item, key: string): number | null {
  const seconds = countOf(item, key)
  if (seconds !== null && seconds > 4_294_967) throw new FieldError(`${key} is longer than 49 days`)
  return seconds === null ? null : seconds * 1_000
}

/** An amount as Twilio writes it, sign and all; null while it is not known. */
export function amountOf(item: Item, key: string): string | null {
  const value = item[key]
  if (value === undefined || value === null || value === '') return null
  const text = typeof value === 'number' && Number.isFinite(value) ? value.toFixed(6) : value
  if (typeof text !== 'string' || !/^[+-]?\d{1,12}(\.\d{1,6}0*)?$/.test(text))
    throw new FieldError(`${key} is not an amount with at most 12 digits before the point and 6 after it`)
  return text.replace('+', '')
}

/** What was paid: Twilio's prices are what the account's balance changes by, so a cost is below zero. */
export function costOf(item: Item, key: string): string | null {
  const amount = amountOf(item, key)
  if (amount === null) return null
  if (!/[1-9]/.test(amount)) return '0'
  return amount.startsWith('-') ? amount.slice(1) : `-${amount}`
}

export function currencyOf(item: Item, key: string): string {
  return textOf(item, key).toUpperCase()
}

/** Epoch milliseconds, or null where Twilio sends none. */
export function timeOf(item: Item, key: string): number | null {
  const value = item[key]
  if (value === undefined || value === null || value === '') return null
  if (typeof value !== 'string') throw new FieldError(`${key} is not a time`)
  const ms = twilioTime(value)
  if (ms === undefined) throw new FieldError(`${key} is not a time between 1970 and 2149 with a zone`)
  return ms
}

/** The time that a record is stored by: it must be there. */
export function createdOf(item: Item, key = 'date_created'): number {
  const ms = timeOf(item, key)
  if (ms === null) throw new MissingIdentity(`${key} is missing`)
  return ms
}

/** Refuses what the loader would refuse as well: an end long after, or before, the beginning. */
export function checkOrder(from_ms: number, to_ms: number | null, keys: string): void {
  if (to_ms === null) return
  if (to_ms < from_ms) throw new FieldError(`${keys} are in the wrong order`)
  if (to_ms - from_ms > YEAR_MS) throw new FieldError(`${keys} are more than 366 days apart`)
}

const RFC_2822 = /^(?:[A-Z][a-z]{2}, )?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) (?:([+-])(\d\d)(\d\d)|GMT|UTC)$/
const MONTHS: Readonly<Record<string, string>> = {
  Jan: '01',
  Feb: '02',
  Mar: '03',
  Apr: '04',
  May: '05',
  Jun: '06',
  Jul: '07',
  Aug: '08',
  Sep: '09',
  Oct: '10',
  Nov: '11',
  Dec: '12',
}

/** Times come in runs: most pages are of a few days, and the calendar is the costly part. */
const days = new Map<string, number | undefined>()

/** Epoch milliseconds of an RFC 2822 date, or an ISO 8601 one, with its zone; undefined for anything else. */
export function twilioTime(text: string): number | undefined {
  // What Twilio nearly always sends, Fri, 18 Oct 2019 17:00:00 +0000, several times as fast.
  if (
    text.length === 31 &&
    text.endsWith(' +0000') &&
    text.charCodeAt(19) === COLON &&
    text.charCodeAt(22) === COLON &&
    text.charCodeAt(16) === SPACE
  ) {
    const day_ms = days.get(text.slice(0, 16))
    const [hour, minute, second] = [twoDigits(text, 17), twoDigits(text, 20), twoDigits(text, 23)]
    if (day_ms !== undefined && hour < 24 && minute < 60 && second < 60) return day_ms + hour * 3_600_000 + minute * 60_000 + second * 1_000
  }
  const ms = slowTime(text)
  // Known by its day from now on, as it is written here.
  if (ms !== undefined && text.length === 31 && text.endsWith(' +0000')) {
    if (days.size > 1_000) days.clear()
    days.set(text.slice(0, 16), Math.floor(ms / 86_400_000) * 86_400_000)
  }
  return ms
}

const [COLON, SPACE] = [58, 32]

/** NaN unless both are digits. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48
  const ones = text.charCodeAt(at + 1) - 48
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN
}

function slowTime(text: string): number | undefined {
  const match = RFC_2822.exec(text)
  if (!match) return isoTime(text)
  const [, day = '', month = '', year = '', hour, minute, second, sign, zone_hours, zone_minutes] = match
  const calendar = `${year}-${MONTHS[month]}-${day.padStart(2, '0')}`
  const day_ms = isoTime(`${calendar}T00:00:00.000Z`)
  const zone_ms = sign === undefined ? 0 : (Number(zone_hours) * 60 + Number(zone_minutes)) * (sign === '-' ? -60_000 : 60_000)
  if (day_ms === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  return day_ms + Number(hour) * 3_600_000 + Number(minute) * 60_000 + Number(second) * 1_000 - zone_ms
}

function isoTime(text: string): number | undefined {
  try {
    return timeToMs(text)
  } catch (thrown) {
    if (thrown instanceof FieldError) return undefined
    throw thrown
  }
}

/**
 * A version out of Twilio's update time, which has whole seconds and does not
 * move with everything: what is known to come later counts in the milliseconds.
 * `knowledge` is 0 to 999.
 */
export function versionOf(updated_ms: number, knowledge: number): number {
  return Math.floor(updated_ms / 1_000) * 1_000 + knowledge
}
