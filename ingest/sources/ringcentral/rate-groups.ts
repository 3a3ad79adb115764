/**
 * RingCentral's rate limits: requests per minute in each of three groups, and a
 * penalty for who exceeds them that every further request begins anew. So a
 * group has one request under way at a time, keeps below its limit by itself,
 * and sends nothing at all while a penalty lasts.
 */
import { RequestGate, retryAfterMs } from '../../retry-after.ts'
import type { PullContext } from '../../source.ts'

export const rateGroups = { heavy: 10, medium: 40, light: 50, auth: 5 } as const
export type RateGroup = keyof typeof rateGroups

const WINDOW_MS = 60_000
/** Where a 429 does not say how long. */
export const LEAST_PENALTY_MS = 30_000

type Clock = Pick<PullContext, 'now' | 'sleep'>

/** One group's gate: also shut while the last minute has had as many requests as are allowed. */
export class GroupGate extends RequestGate {
  #limit: number
  #sent: number[] = []
  #lane: Promise<unknown> = Promise.resolve()

  constructor(limit: number) {
    super()
    this.#limit = limit
  }

  /** Runs one after the other: a request sent beside one that is refused would begin the penalty anew. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#lane.then(work, work)
    this.#lane = done.catch(() => undefined)
    return done
  }

  override async pass(clock: Clock, signal: AbortSignal): Promise<void> {
    for (;;) {
      await super.pass(clock, signal)
      const now_ms = clock.now()
      this.#sent = this.#sent.filter((sent_ms) => sent_ms > now_ms - WINDOW_MS)
      const oldest_ms = this.#sent.at(-this.#limit)
      if (oldest_ms === undefined) {
        this.#sent.push(now_ms)
        return
      }
      this.shutUntil(oldest_ms + WINDOW_MS)
    }
  }

  /** Learns from an answer: what the account's limit is, and when it is used up. */
  note(headers: Headers, now_ms: number): void {
    const limit = numberOf(headers, 'x-rate-limit-limit')
    if (limit !== undefined && limit >= 1) this.#limit = Math.min(this.#limit, Math.floor(limit))
    const window_ms = (numberOf(headers, 'x-rate-limit-window') ?? 60) * 1000
    if (numberOf(headers, 'x-rate-limit-remaining') === 0) this.shutUntil(now_ms + Math.min(window_ms, 10 * WINDOW_MS))
  }
}

function numberOf(headers: Headers, name: string): number | undefined {
  const value = headers.get(name)?.trim()
  return value !== undefined && /^\d{1,6}$/.test(value) ? Number(value) : undefined
}

/** `fetch` that tells the gate what the answers say, and gives a 429 without a usable Retry-After the least penalty. */
export function noticingFetch(inner: typeof fetch, gate: GroupGate, clock: Pick<Clock, 'now'>): typeof fetch {
  return async (input, init) => {
    const response = await inner(input, init)
    gate.note(response.headers, clock.now())
    if (response.status !== 429 || retryAfterMs(response.headers, clock.now()) !== undefined) return response
    await response.body?.cancel().catch(() => undefined)
    return new Response(null, { status: 429, headers: { 'retry-after': String(LEAST_PENALTY_MS / 1000) } })
  }
}
