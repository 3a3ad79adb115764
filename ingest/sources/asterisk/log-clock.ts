/** The time a log has reached, kept safe from single lines with a wild time. */
import { isLogTime } from './identity.ts'

export interface LogClockState {
  first_s: number
  last_s: number
  lines: number
  suspect_s: number | null
}

/** Further than this from the log's own time a line is not believed until the next one confirms it. */
const LEAP_S = 30 * 86_400

/**
 * Follows the times of a log's lines. It depends on nothing but the lines, so a
 * second reading makes the same decisions as the first.
 */
export class LogClock {
  #state: LogClockState | undefined

  constructor(state?: LogClockState | null) {
    this.#state = state === undefined || state === null ? undefined : { ...state }
  }

  /** False for a time that is no time, or that leaps more than 30 days and is the first to do so. */
  accepts(at_s: number): boolean {
    if (!isLogTime(at_s)) return false
    const state = this.#state
    if (state === undefined) {
      this.#state = { first_s: at_s, last_s: at_s, lines: 1, suspect_s: null }
      return true
    }
    if (Math.abs(at_s - state.last_s) > LEAP_S) {
      if (state.suspect_s === null || Math.abs(at_s - state.suspect_s) > LEAP_S) {
        state.suspect_s = at_s
        return false
      }
      // Two lines agree: it was the log's time that was wrong, or the log was idle for long.
      if (state.lines === 1) state.first_s = at_s
      state.last_s = at_s
    }
    state.suspect_s = null
    state.first_s = Math.min(state.first_s, at_s)
    state.last_s = Math.max(state.last_s, at_s)
    state.lines = Math.min(2, state.lines + 1)
    return true
  }

  /** The latest time reached, epoch seconds; 0 before the first line. */
  get now_s(): number {
    return this.#state?.last_s ?? 0
  }

  span(): { first_s: number; last_s: number } | undefined {
    return this.#state && { first_s: this.#state.first_s, last_s: this.#state.last_s }
  }

  toJSON(): LogClockState | null {
    return this.#state ?? null
  }
}
