/** Reads `from`, `to` and `tz` of a request into an instant range that includes `from` and excludes `to`. */
import { DateTime, IANAZone } from 'luxon'
import { CallhouseError } from '../errors.ts'

export interface TimeRange {
  from_ms: number | undefined
  to_ms: number | undefined
}

const LOCAL = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?)?$/
const ZONED = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/
/** ClickHouse's DateTime64 and Date go wrong silently outside these. */
const EARLIEST_MS = Date.UTC(1970, 0, 1)
const LATEST_MS = Date.UTC(2149, 0, 1)

/**
 * A calendar day or a local time is read in `tz` (default UTC), a time with a
 * zone as it is. Throws `zone_unknown` or `range_invalid`.
 */
export function readRange(query: { from?: string; to?: string; tz?: string }): TimeRange {
  const zone = query.tz ?? 'UTC'
  if (!IANAZone.isValidZone(zone))
    throw new CallhouseError('zone_unknown', `There is no time zone "${zone.slice(0, 64)}". Use an IANA name such as Europe/Berlin.`)
  const from_ms = instant('from', query.from, zone)
  const to_ms = instant('to', query.to, zone)
  if (from_ms !== undefined && to_ms !== undefined && from_ms > to_ms)
    throw new CallhouseError('range_invalid', '"from" is after "to". Swap them; "from" is included, "to" is not.', {
      details: { from: query.from, to: query.to },
    })
  return { from_ms, to_ms }
}

function instant(name: 'from' | 'to', value: string | undefined, zone: string): number | undefined {
  if (value === undefined) return undefined
  const ms = ZONED.test(value) ? Date.parse(value) : LOCAL.test(value) ? DateTime.fromISO(value, { zone }).toMillis() : NaN
  if (ms >= EARLIEST_MS && ms <= LATEST_MS) return ms
  throw new CallhouseError(
    'range_invalid',
    `"${name}" is not a time between 1970 and 2149. Write a day (2026-03-01) or a time with its zone (2026-03-01T09:00:00Z).`,
    {
      details: { parameter: name },
    },
  )
}
