/** Reads a request's `from`, `to`, `tz` and `grain`: the only place that turns local calendar words into instants. */
import { DateTime, IANAZone } from 'luxon'
import { CallhouseError } from '../errors.ts'

export const grains = ['15m', '30m', '1h', '1d', '1w', '1mo', 'none'] as const
export type Grain = (typeof grains)[number]

/** Length of a grain in seconds; of the calendar grains, the usual length, for estimates only. */
export const grainSeconds: Record<Grain, number> = {
  '15m': 900,
  '30m': 1800,
  '1h': 3600,
  '1d': 86_400,
  '1w': 604_800,
  '1mo': 2_629_746,
  none: Infinity,
}
export const maxBuckets = 100_000
const week_ms = 7 * 86_400_000

export interface TimeRange {
  readonly from_ms: number
  readonly to_ms: number
  readonly tz: string
  readonly grain: Grain
}

const written = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/i
/** Facts keep instants as 32-bit seconds; a day is spared at each end for the zones. */
const lastSecond = 2 ** 32 - 86_400

/**
 * The zone's name as the warehouse knows it; throws `zone_unknown`. Case is
 * forgiven (`europe/berlin`). Offsets such as +02:00 are not zones: they have
 * no daylight saving, so a year of local days would be wrong without a word.
 */
export function readZone(tz: string): string {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{1,63}$/.test(tz) || !IANAZone.isValidZone(tz)) {
    throw new CallhouseError('zone_unknown', `No time zone "${tz.slice(0, 64)}". Use an IANA name such as Europe/Berlin or UTC.`)
  }
  const canonical = new Intl.DateTimeFormat('en', { timeZone: tz }).resolvedOptions().timeZone
  // An alias in its usual spelling (Asia/Kathmandu) stays as it was asked for; anything else becomes the canonical name.
  const usualSpelling = tz.split('/').every((word) => /^[A-Z][a-z]+([_-][A-Za-z][a-z]*)*$/.test(word))
  return usualSpelling ? tz : canonical
}

function readInstant(name: 'from' | 'to', text: string, zone: string): number {
  const time = written.test(text) ? DateTime.fromISO(text, { zone }) : undefined
  if (!time?.isValid) {
    const shown = text.slice(0, 40)
    throw new CallhouseError(
      'range_invalid',
      `${name}=${shown} is not a time. Write 2026-11-01, 2026-11-01T09:00 (local in tz) or 2026-11-01T09:00:00Z.`,
    )
  }
  const ms = time.toMillis()
  if (ms < 86_400_000 || ms > lastSecond * 1000) {
    throw new CallhouseError(
      'range_invalid',
      `${name}=${text} is outside the years the warehouse can hold. Use a time from 1970-01-02 to 2106-02-05.`,
    )
  }
  if (ms % 900_000 !== 0) {
    throw new CallhouseError(
      'range_invalid',
      `${name}=${text} is not on a quarter of an hour, and facts are kept in 15-minute buckets. Round it to :00, :15, :30 or :45.`,
    )
  }
  return ms
}

/** Validates the range; throws `zone_unknown`, `range_invalid` or `query_too_large`, each saying what to write instead. */
export function readTimeRange(request: { from: string; to: string; tz: string; grain: string }): TimeRange {
  const tz = readZone(request.tz)
  const grain = grains.find((known) => known === request.grain)
  if (!grain) throw new CallhouseError('range_invalid', `No grain "${request.grain.slice(0, 20)}". Use one of ${grains.join(', ')}.`)
  const from_ms = readInstant('from', request.from, tz)
  const to_ms = readInstant('to', request.to, tz)
  if (from_ms >= to_ms) {
    throw new CallhouseError('range_invalid', `from=${request.from} is not before to=${request.to}. The range runs from "from" up to, without, "to".`)
  }
  const seconds = (to_ms - from_ms) / 1000
  const buckets = (candidate: Grain) => Math.ceil(seconds / grainSeconds[candidate])
  if (buckets(grain) > maxBuckets) {
    const fitting = grains.find((candidate) => buckets(candidate) <= maxBuckets)
    throw new CallhouseError(
      'query_too_large',
      `grain=${grain} makes ${buckets(grain)} buckets of this range; at most ${maxBuckets} are answered. Ask for grain=${fitting} or a shorter range.`,
    )
  }
  return { from_ms, to_ms, tz, grain }
}

/** A moment the zone's clock was shifted, and its offset from then on. */
interface ClockShift {
  readonly at_s: number
  readonly offset_s: number
  readonly by_s: number
}

/** The zone's clock shifts from `margin_ms` before the range to its end; the first entry is the offset it begins with. */
function clockShifts(range: TimeRange, margin_ms: number): ClockShift[] {
  const zone = IANAZone.create(range.tz)
  const offsetAt = (ms: number) => zone.offset(ms) * 60
  const begin = range.from_ms - margin_ms
  const shifts: ClockShift[] = [{ at_s: begin / 1000, offset_s: offsetAt(begin), by_s: 0 }]
  // The shortest daylight saving since 1970 lasted 7 days (Recife, October 2000), so a smaller step misses none.
  const step_ms = 6 * 86_400_000
  for (let start = begin; start < range.to_ms; start += step_ms) {
    let [before, after] = [start, start + step_ms]
    const by_s = offsetAt(after) - offsetAt(before)
    if (by_s === 0) continue
    while (after - before > 1000) {
      const middle = Math.floor((before + after) / 2000) * 1000
      if (offsetAt(middle) === offsetAt(before)) before = middle
      else after = middle
    }
    shifts.push({ at_s: after / 1000, offset_s: offsetAt(after), by_s })
  }
  return shifts
}

/**
 * The seconds at which the zone's clock was shifted by something that is not a
 * multiple of the grain. Only there does "floor to the local clock" reach back
 * over the shift (Lord Howe Island moves by 30 minutes, so the local hour 01:00
 * happens one and a half times).
 */
export function oddShifts(range: TimeRange): number[] {
  if (range.grain !== '1h') return []
  return clockShifts(range, week_ms)
    .filter((shift) => shift.by_s % 3600 !== 0)
    .map((shift) => shift.at_s)
}

/** First and last calendar day whose local midnight is in the range: what a fact without a time of day has for it. */
export function localDays(range: TimeRange): { first: string; last: string } {
  const from = DateTime.fromMillis(range.from_ms, { zone: range.tz })
  const first = from.equals(from.startOf('day')) ? from : from.plus({ days: 1 })
  return { first: first.toFormat('yyyy-MM-dd'), last: DateTime.fromMillis(range.to_ms - 1, { zone: range.tz }).toFormat('yyyy-MM-dd') }
}
