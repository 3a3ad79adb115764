/** Where the reading of one list of one account stands; the JSON that is saved after every batch. */

/** A pass under way: window after window, oldest first, page after page in each. */
export interface ListPass {
  /** When it began: the next pass looks back from there. */
  began_ms: number
  /** Where its present window begins. */
  window_ms: number
  /** The page to ask for next; null = the window's first. */
  next: string | null
}

export interface ListCheckpoint {
  format: 1
  /** Since when there is anything: the start of the coverage. */
  history_from_ms: number
  /** When the last complete pass began; null until there was one. */
  high_water_ms: number | null
  pass: ListPass | null
  /** Of a list that is read whole: when each of its items was created, by id. */
  known?: Record<string, number>
}

/** A saved checkpoint, or the start for anything that is not one: reading again is harmless, guessing is not. */
export function readListCheckpoint(saved: unknown, history_from_ms: number): ListCheckpoint {
  const start: ListCheckpoint = { format: 1, history_from_ms, high_water_ms: null, pass: null }
  if (!isObject(saved) || saved['format'] !== 1) return start
  const { history_from_ms: from, high_water_ms: high, pass } = saved
  if (!isTime(from) || !(high === null || isTime(high))) return start
  const items = saved['known']
  const known = { format: 1 as const, history_from_ms: from, high_water_ms: high, ...(isObject(items) && { known: items as Record<string, number> }) }
  if (!isObject(pass) || !isTime(pass['began_ms']) || !isTime(pass['window_ms'])) return { ...known, pass: null }
  const next = typeof pass['next'] === 'string' ? pass['next'] : null
  return { ...known, pass: { began_ms: pass['began_ms'], window_ms: pass['window_ms'], next } }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
