/**
 * CDR times are written in the PBX's own time zone without saying which offset
 * applied, so in the hour that is repeated when summer time ends each of them
 * means two instants. The row's other columns settle it.
 */
import { DateTime } from 'luxon'

const LOCAL = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)$/
const QUARTER_HOUR_MS = 15 * 60_000
const CACHED_QUARTERS = 4096

/** Turns local times of one zone into the instants they can mean. */
export class LocalTimes {
  readonly #zone: string
  /** Offsets change at most at quarter hours; a log has many rows in each. */
  readonly #offsets = new Map<number, number[]>()

  constructor(zone: string) {
    this.#zone = zone
  }

  /** The instants a `YYYY-MM-DD HH:MM:SS` can mean in epoch ms, earliest first; none when it is not a time. */
  instants(text: string): number[] {
    const match = LOCAL.exec(text)
    if (match === null) return []
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number)
    const as_utc_ms = Date.UTC(year, month - 1, day, hour, minute, second)
    if (!text.startsWith(new Date(as_utc_ms).toISOString().slice(0, 19).replace('T', ' '))) return []
    return this.#offsetsAt(Math.floor(as_utc_ms / QUARTER_HOUR_MS)).map((offset_ms) => as_utc_ms - offset_ms)
  }

  #offsetsAt(quarter: number): number[] {
    const cached = this.#offsets.get(quarter)
    if (cached !== undefined) return cached
    const as_utc_ms = quarter * QUARTER_HOUR_MS
    const local = DateTime.fromMillis(as_utc_ms, { zone: 'utc' }).setZone(this.#zone, { keepLocalTime: true })
    // A time that was skipped when summer time began counts on from the offset before it.
    const offsets_ms = local.getPossibleOffsets().map((time) => as_utc_ms - time.toMillis())
    offsets_ms.sort((a, b) => b - a)
    if (this.#offsets.size >= CACHED_QUARTERS) this.#offsets.clear()
    this.#offsets.set(quarter, offsets_ms)
    return offsets_ms
  }
}

/** The candidate nearest to what is expected; the earliest of equals. */
export function nearest(candidates: readonly number[], expected_ms: number): number | undefined {
  let best: number | undefined
  for (const candidate of candidates) if (best === undefined || Math.abs(candidate - expected_ms) < Math.abs(best - expected_ms)) best = candidate
  return best
}
