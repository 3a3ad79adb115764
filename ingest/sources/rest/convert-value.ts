/** A source's value as a canonical one: times of many formats and zones, durations and amounts of many units. */
import { DateTime, IANAZone } from 'luxon'
import { FieldError, timeToMs } from '../../records/field.ts'
import { LocalTimes } from '../asterisk/local-time.ts'
import type { Mapping } from './language.ts'

export type ValueType = NonNullable<Mapping['type']>

const MS_PER: Record<string, number> = { us: 0.001, ms: 1, s: 1_000, min: 60_000, h: 3_600_000 }
const DECIMALS: Record<string, number> = { units: 0, cents: 2, micros: 6 }

/** Throws FieldError, without the value, for what does not fit. */
export function convertValue(value: unknown, type: ValueType, mapping: Mapping): unknown {
  switch (type) {
    case 'time':
      return toTime(value, mapping)
    case 'duration':
      return toDuration(value, mapping.unit ?? 'ms')
    case 'money':
      return toAmount(value, DECIMALS[mapping.unit ?? 'units'] ?? 0)
    case 'text':
      return toText(value)
    case 'whole':
      return toWhole(value)
    case 'number':
      return toNumber(value)
    case 'boolean':
      return toBoolean(value)
    case 'raw':
      return value
  }
}

function toText(value: unknown): string {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) throw new FieldError('is a number too large to be exact')
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new FieldError('is not a text')
}

function toNumber(value: unknown): number {
  const number = typeof value === 'string' && /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(number)) throw new FieldError('is not a number')
  return number
}

function toWhole(value: unknown): number {
  const number = toNumber(value)
  if (!Number.isSafeInteger(number)) throw new FieldError('is not a whole number')
  return number
}

function toBoolean(value: unknown): boolean {
  const known = typeof value === 'string' ? value.toLowerCase() : value
  if (known === true || known === 'true') return true
  if (known === false || known === 'false') return false
  throw new FieldError('is not true or false')
}

function toDuration(value: unknown, unit: string): number {
  const ms = unit === 'clock' ? clockMs(value) : toNumber(value) * MS_PER[unit]!
  if (ms < 0) throw new FieldError('is a negative duration')
  return Math.round(ms)
}

/** [H:]MM:SS[.fraction] */
function clockMs(value: unknown): number {
  const [, hours = '0', minutes = '', seconds = ''] = (typeof value === 'string' && /^(?:(\d+):)?([0-5]?\d):([0-5]\d(?:\.\d+)?)$/.exec(value)) || []
  if (seconds === '') throw new FieldError('is not a duration such as 1:02:03')
  return (Number(hours) * 60 + Number(minutes)) * 60_000 + Number(seconds) * 1_000
}

/** Shifts the decimal point in the text: cents are exact, whatever a double makes of them. */
function toAmount(value: unknown, decimals: number): string {
  const text = typeof value === 'number' ? numberText(value) : value
  const [, sign = '', whole = '', fraction = ''] = (typeof text === 'string' && /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(text.trim())) || []
  if (whole === '') throw new FieldError('is not an amount')
  const digits = whole.padStart(decimals + 1, '0')
  const units = digits.slice(0, digits.length - decimals).replace(/^0+(?=\d)/, '')
  const rest = (digits.slice(digits.length - decimals) + fraction).replace(/0+$/, '')
  return `${sign === '-' ? '-' : ''}${units}${rest && `.${rest}`}`
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) throw new FieldError('is not an amount')
  const text = String(value)
  return text.includes('e') ? value.toFixed(6) : text
}

const NO_ZONE = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?$/
const zones = new Map<string, LocalTimes>()

function toTime(value: unknown, mapping: Mapping): number {
  const format = mapping.format ?? 'iso'
  if (format === 'epoch_s') return timeToMs(Math.round(toNumber(value) * 1_000))
  if (format === 'epoch_ms') return timeToMs(Math.round(toNumber(value)))
  if (typeof value !== 'string') throw new FieldError('is not a time')
  if (format !== 'iso') return localMs(withFormat(value, format), mapping)
  const trimmed = value.trim()
  const spaced = trimmed.replace(/^(\d{4}-\d\d-\d\d) /, '$1T').replace(/ ?(UTC|\+00)$/, 'Z')
  return NO_ZONE.test(spaced) ? localMs(spaced, mapping) : timeToMs(spaced)
}

/** A text of a declared format as an ISO one, with an offset where the format has one. */
function withFormat(value: string, format: string): string {
  const parsed = DateTime.fromFormat(value.trim(), format, { zone: 'UTC', setZone: true, locale: 'en' })
  if (!parsed.isValid) throw new FieldError(`is not a time of the format ${format}`)
  return /[Zz]/.test(format) ? parsed.toISO() : parsed.toISO({ includeOffset: false })
}

/** A wall clock's time in the declared zone. In the hour that is repeated, or skipped, `ambiguous` decides. */
function localMs(text: string, mapping: Mapping): number {
  const [, day, minutes, seconds = '00', fraction = ''] = NO_ZONE.exec(text) ?? []
  if (day === undefined || minutes === undefined) return timeToMs(text)
  if (mapping.zone === undefined) throw new FieldError('is a time without a zone; declare one (zone)')
  let zone = zones.get(mapping.zone)
  if (!zone) zones.set(mapping.zone, (zone = new LocalTimes(mapping.zone)))
  const wall = `${day} ${minutes}:${seconds}`
  const instants = zone.instants(wall)
  const rule = mapping.ambiguous ?? 'reject'
  const [first, last] = [instants[0], instants.at(-1)]
  if (first === undefined || last === undefined) throw new FieldError('is not a time between 1970 and 2149')
  if (rule === 'reject') {
    if (first !== last) throw new FieldError('is a time its zone had twice; say which is meant (ambiguous)')
    if (wallClock(first, mapping.zone) !== wall) throw new FieldError('is a time its zone never had')
  }
  return timeToMs((rule === 'later' ? last : first) + Number(fraction.padEnd(3, '0').slice(0, 3)))
}

function wallClock(time_ms: number, zone: string): string {
  return DateTime.fromMillis(time_ms, { zone }).toFormat('yyyy-MM-dd HH:mm:ss')
}

/** Whether it is a zone the IANA database has. */
export function isZone(zone: string): boolean {
  return IANAZone.isValidZone(zone)
}
