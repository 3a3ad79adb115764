/**
 * The pages of one stream in order, from wherever the last pull stood, with the
 * ways in which cursors go wrong: they expire, repeat themselves, run in circles.
 */
import { CallhouseError } from '../errors.ts'
import type { CanonicalRecord } from './records/index.ts'
import type { Log, Reject } from './source.ts'
import type { PassState } from './stream-checkpoint.ts'

/** One page, already mapped. */
export interface RestPage {
  records: CanonicalRecord[]
  rejects: Reject[]
  next_cursor: string | null
  /** The server's time up to which the listing is complete when its last page is read. */
  as_of_ms: number
  /** Size of the answer, for bounds. */
  bytes: number
}

/** By cursor where there is one, else by time (inclusive), else from the first thing there is. */
export type PageRequest = { cursor: string } | { updated_since_ms: number | null }

export interface PulledPage extends RestPage {
  /** Where the pass stands once this page is loaded. */
  after: PassState
}

/** Statuses with which servers refuse a cursor they no longer know. */
const CURSOR_REFUSED = new Set([400, 404, 409, 410, 422])
/** Fresh starts without getting any further, before the server is called broken. */
const MAX_RESTARTS = 3

/**
 * Pages from `start` to the last one. When a cursor fails, the listing begins
 * again at the last update time handed on (inclusive): nothing is lost, some
 * records come twice. Relies on pages being ordered by update time; the order
 * within a page does not matter. A change may turn up as long as `lateness_ms`
 * after its update time, behind what has been listed by then.
 */
export async function* restPages(
  start: PassState,
  fetchPage: (request: PageRequest) => Promise<RestPage>,
  log: Log,
  stream: string,
  lateness_ms: number,
): AsyncGenerator<PulledPage, void> {
  let state = start
  let restarts = 0
  let restarted_at_ms: number | null | undefined
  let circle = new CircleDetector()

  /** Gives the cursor up; returns the error when that has not helped before. */
  const restart = (reason: string, cause?: unknown): CallhouseError | undefined => {
    restarts = restarted_at_ms === state.floor_ms ? restarts + 1 : 1
    restarted_at_ms = state.floor_ms
    state = { ...state, cursor: null }
    circle = new CircleDetector()
    if (restarts <= MAX_RESTARTS) log.warn({ stream, reason }, 'listing again from the last update time')
    else return doesNotMoveOn(stream, reason, cause)
  }

  for (;;) {
    let page: RestPage
    try {
      page = await fetchPage(state.cursor === null ? { updated_since_ms: state.floor_ms ?? state.since_ms } : { cursor: state.cursor })
    } catch (thrown) {
      if (state.cursor === null || !isCursorRefused(thrown)) throw thrown
      const broken = restart('the cursor was refused', thrown)
      if (broken) throw broken
      continue
    }
    const asked_for = state.cursor
    const latest_ms = latestOf(page.records)
    state = {
      since_ms: state.since_ms,
      cursor: page.next_cursor,
      floor_ms: latest_ms ?? state.floor_ms,
      read: state.read + page.records.length + page.rejects.length,
      listed_at_ms: page.as_of_ms,
      caught_up_ms: state.caught_up_ms ?? caughtUp(state.listed_at_ms, page.as_of_ms, lateness_ms, page.next_cursor === null ? undefined : latest_ms),
    }
    let broken: CallhouseError | undefined
    if (page.next_cursor !== null) {
      if (page.next_cursor === asked_for) broken = restart('a page named itself as the next one')
      else if (circle.closes(page.next_cursor)) broken = restart('the cursors run in a circle')
    }
    yield { ...page, after: state }
    if (broken) throw broken
    if (page.next_cursor === null) return
  }
}

/**
 * When the listing came within `lateness_ms` of the present, if it has now. What
 * was missing at the end of a page lies before what the next page lists, so the
 * earlier page's time counts where this page reaches that near to it.
 */
function caughtUp(before_ms: number | null, now_ms: number, lateness_ms: number, latest_ms = Infinity): number | null {
  if (before_ms !== null && latest_ms >= before_ms - lateness_ms) return before_ms
  return latest_ms >= now_ms - lateness_ms ? now_ms : null
}

function doesNotMoveOn(stream: string, reason: string, cause: unknown): CallhouseError {
  const message = `The pages of ${stream} do not move on: ${reason}, ${MAX_RESTARTS + 1} times at one place. Show the server's operator this message; the next pull tries again from there.`
  return new CallhouseError('source_garbled', message, { cause })
}

function latestOf(records: readonly CanonicalRecord[]): number | undefined {
  let latest: number | undefined
  for (const { record } of records) if (latest === undefined || record.version > latest) latest = record.version
  return latest
}

function isCursorRefused(thrown: unknown): boolean {
  return thrown instanceof CallhouseError && thrown.code === 'source_rejected' && CURSOR_REFUSED.has(Number(thrown.details?.['status']))
}

/** Brent's algorithm: finds a repeated cursor with a memory of one. */
class CircleDetector {
  #kept: string | undefined
  #steps = 0
  #until = 1

  closes(cursor: string): boolean {
    if (cursor === this.#kept) return true
    this.#steps += 1
    if (this.#steps === this.#until) {
      this.#kept = cursor
      this.#steps = 0
      this.#until *= 2
    }
    return false
  }
}
