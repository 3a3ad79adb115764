/** How things in Asterisk's files are told apart: channel ids carry their birth, lines are told apart by their text. */
import { hash as digest } from 'node:crypto'

/** Asterisk is from 1999, and later than this no column holds a day. */
const EARLIEST_S = Date.UTC(2000, 0, 1) / 1000
const LATEST_S = Date.UTC(2149, 0, 1) / 1000

/** Whether a time can be one that Asterisk wrote. */
export function isLogTime(at_s: number): boolean {
  return at_s >= EARLIEST_S && at_s < LATEST_S
}

/**
 * The epoch second a channel was created, out of its unique id
 * (`pbx1-1795396400.0` or `1795396400.123`); undefined for ids of another make.
 * It never changes for an id, so it anchors what hangs on it.
 */
export function bornAt_s(unique_id: string): number | undefined {
  const match = /(?:^|-)(\d{9,10})\.\d+$/.exec(unique_id)
  const born_s = Number(match?.[1])
  return isLogTime(born_s) ? born_s : undefined
}

export interface LineOrdinalsState {
  stamp: string
  counts: [hash: string, count: number][]
}

/**
 * The identity of a line that has no id of its own: a hash of its text and its
 * ordinal among identical lines. The text has the line's time in it, so only
 * lines of one time can be identical and only those are remembered; the same
 * log read from another path, or after a rotation, gives the same identities.
 */
export class LineOrdinals {
  #stamp: string
  readonly #counts: Map<string, number>

  constructor(state?: LineOrdinalsState) {
    this.#stamp = state?.stamp ?? ''
    this.#counts = new Map(state?.counts)
  }

  /** The line's identity; `stamp` is the time as the line has it. */
  identify(line: string, stamp: string): string {
    if (stamp !== this.#stamp) {
      this.#stamp = stamp
      this.#counts.clear()
    }
    const hash = digest('sha256', line, 'hex').slice(0, 32)
    const ordinal = this.#counts.get(hash) ?? 0
    this.#counts.set(hash, ordinal + 1)
    return `${hash}/${ordinal}`
  }

  toJSON(): LineOrdinalsState {
    return { stamp: this.#stamp, counts: [...this.#counts] }
  }
}
