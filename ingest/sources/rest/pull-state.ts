/** Where a pull of a declared stream stands, and which time its next pass lists. */
import type { Log } from '../../source.ts'
import { periodMs, type StreamSpec } from './language.ts'

export interface PullState {
  format: 1
  /** Everything before is handed on, as far as it had settled; null until the first pass has ended. */
  high_water_ms: number | null
  /** From when on the first pass listed. */
  began_ms: number | null
  /** When a pass last looked back all the way. */
  looked_back_ms: number | null
  /** A pass under way: from where to where it goes, and from where it goes on. */
  pass: { from_ms: number; to_ms: number; next_ms: number; looks_back: boolean } | null
}

export const startState: PullState = Object.freeze({ format: 1, high_water_ms: null, began_ms: null, looked_back_ms: null, pass: null })

/** A saved state, or the start for anything that is none: re-reading is harmless, guessing is not. */
export function readState(saved: unknown): PullState {
  if (!isObject(saved) || saved['format'] !== 1 || !isTime(saved['high_water_ms'])) return startState
  const pass = saved['pass']
  const looked_back_ms = isTime(saved['looked_back_ms']) ? saved['looked_back_ms'] : null
  const is_pass = isObject(pass) && ['from_ms', 'to_ms', 'next_ms'].every((key) => typeof pass[key] === 'number' && Number.isFinite(pass[key]))
  const began_ms = isTime(saved['began_ms']) ? saved['began_ms'] : null
  return { format: 1, high_water_ms: saved['high_water_ms'], began_ms, looked_back_ms, pass: is_pass ? (pass as PullState['pass']) : null }
}

/** Whether the stream was pulled so short a time ago that it is left alone. */
export function isEarly({ high_water_ms, pass }: PullState, stream: StreamSpec, now_ms: number): boolean {
  if (stream.every === undefined || pass || high_water_ms === null) return false
  const pulled_ms = stream.window ? high_water_ms + ms(stream.settling_lag) + ms(stream.delay) : high_water_ms
  return pulled_ms <= now_ms && now_ms - pulled_ms < ms(stream.every)
}

/** The state with a pass to go on with; undefined when there is nothing to list yet. */
export function planPass(
  saved: PullState,
  stream: StreamSpec,
  history_from_ms: number,
  now_ms: number,
  log: Log,
  name: string,
): PullState | undefined {
  const to_ms = now_ms - ms(stream.delay)
  let state = saved
  if ((state.high_water_ms ?? 0) > now_ms || (state.pass?.to_ms ?? 0) > now_ms) {
    log.warn({ stream: name }, 'the checkpoint is later than the clock: everything is listed again')
    state = startState
  }
  if (state.pass) return state
  const look_back_ms = ms(stream.look_back)
  const is_due = state.looked_back_ms === null || now_ms - state.looked_back_ms >= ms(stream.look_back_every)
  const began_ms = Math.min(state.began_ms ?? history_from_ms, history_from_ms)
  const from_ms = Math.max(
    began_ms,
    state.high_water_ms === null || history_from_ms < (state.began_ms ?? history_from_ms)
      ? began_ms
      : state.high_water_ms - (is_due ? look_back_ms : 0),
  )
  if (from_ms >= to_ms) return undefined
  return { ...state, began_ms, pass: { from_ms, to_ms, next_ms: from_ms, looks_back: is_due } }
}

/** The state once the pass has got so far; at its end there is a high water, and no pass. */
export function advance(state: PullState, stream: StreamSpec, next_ms: number): PullState {
  const pass = state.pass!
  if (next_ms < pass.to_ms) return { ...state, pass: { ...pass, next_ms } }
  const high_water_ms = Math.max(pass.from_ms, pass.to_ms - ms(stream.settling_lag))
  return { format: 1, high_water_ms, began_ms: state.began_ms, looked_back_ms: pass.looks_back ? pass.to_ms : state.looked_back_ms, pass: null }
}

function ms(period: string | undefined): number {
  return period === undefined ? 0 : periodMs(period)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTime(value: unknown): value is number | null {
  return value === null || (typeof value === 'number' && Number.isFinite(value))
}
