/** Where a pull of one stream stands; the JSON that is saved after every batch. */

/** A pass under way. */
export interface PassState {
  /** Where the pass began; null = with the first thing the source has. */
  since_ms: number | null
  /** The page to ask for next; null = ask by time. */
  cursor: string | null
  /** Everything up to this update time has been handed on; where to go on from, inclusive, without a cursor. */
  floor_ms: number | null
  /** Items read in this pass, for the progress bar. */
  read: number
  /** The server's time when the last page was listed; null before the first. */
  listed_at_ms: number | null
  /**
   * The server's time when the listing came so near to its present that a change
   * could still turn up behind it. The high water counts from there, however
   * long the rest of the pass takes.
   */
  caught_up_ms: number | null
}

export interface StreamCheckpoint {
  format: 1
  /** Every change before this has been handed on; null until the first pass has ended. */
  high_water_ms: number | null
  pass: PassState | null
}

export const startCheckpoint: StreamCheckpoint = Object.freeze({ format: 1, high_water_ms: null, pass: null })

/** A saved checkpoint, or the start for anything that is not one (re-reading is harmless, guessing is not). */
export function readCheckpoint(saved: unknown): StreamCheckpoint {
  if (!isObject(saved) || saved['format'] !== 1 || !isTime(saved['high_water_ms'])) return startCheckpoint
  const pass = saved['pass']
  if (pass === null || pass === undefined) return { format: 1, high_water_ms: saved['high_water_ms'], pass: null }
  if (!isObject(pass) || !isTime(pass['since_ms']) || !isTime(pass['floor_ms'])) return startCheckpoint
  const cursor = typeof pass['cursor'] === 'string' ? pass['cursor'] : null
  const read = typeof pass['read'] === 'number' ? pass['read'] : 0
  const times = { listed_at_ms: timeOrNull(pass['listed_at_ms']), caught_up_ms: timeOrNull(pass['caught_up_ms']) }
  return {
    format: 1,
    high_water_ms: saved['high_water_ms'],
    pass: { since_ms: pass['since_ms'], floor_ms: pass['floor_ms'], cursor, read, ...times },
  }
}

function timeOrNull(value: unknown): number | null {
  return isTime(value) ? value : null
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTime(value: unknown): value is number | null {
  return value === null || (typeof value === 'number' && Number.isFinite(value))
}
