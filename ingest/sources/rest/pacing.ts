/** Sliding-window rate limits, kept before a request is sent: a server that never has to say 429 never punishes. */
import { RequestGate } from '../../retry-after.ts'
import { periodMs, type RateLimit } from './language.ts'

type Clock = Parameters<RequestGate['pass']>[0]

/** At most so many requests in any stretch of `per_ms`. */
export class SlidingWindow {
  readonly #requests: number
  readonly #per_ms: number
  /** When the last requests were sent, oldest first; as many as the limit. */
  readonly #sent: number[] = []

  constructor(requests: number, per_ms: number) {
    this.#requests = requests
    this.#per_ms = per_ms
  }

  /** How long the next request has to wait. */
  waitMs(now_ms: number): number {
    if (this.#sent.length < this.#requests) return 0
    return Math.max(0, this.#sent[0]! + this.#per_ms - now_ms)
  }

  note(now_ms: number): void {
    this.#sent.push(now_ms)
    if (this.#sent.length > this.#requests) this.#sent.shift()
  }
}

/** The gate of one group of requests: shut with all others after a 429, and paced by the limits that are its own. */
export class PacedGate extends RequestGate {
  readonly #shared: RequestGate
  readonly #windows: readonly SlidingWindow[]

  constructor(shared: RequestGate, windows: readonly SlidingWindow[]) {
    super()
    this.#shared = shared
    this.#windows = windows
  }

  override shutUntil(time_ms: number): void {
    this.#shared.shutUntil(time_ms)
  }

  override async pass(clock: Clock, signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#shared.pass(clock, signal)
      signal.throwIfAborted()
      const now_ms = clock.now()
      const wait_ms = Math.max(0, ...this.#windows.map((window) => window.waitMs(now_ms)))
      if (wait_ms === 0) {
        for (const window of this.#windows) window.note(now_ms)
        return
      }
      await clock.sleep(Math.min(Math.ceil(wait_ms), 3_600_000), signal)
    }
  }
}

/** Says for each request by which limits it is bound; lives as long as the source. */
export class Pacing {
  readonly #shared = new RequestGate()
  readonly #limits: readonly (RateLimit & { window: SlidingWindow })[]

  constructor(limits: readonly RateLimit[] = []) {
    this.#limits = limits.map((limit) => ({ ...limit, window: new SlidingWindow(limit.requests, periodMs(limit.per)) }))
  }

  gateFor(method: string, path: string): PacedGate {
    const windows = this.#limits.filter((limit) => (limit.method ?? method) === method && path.startsWith(limit.path ?? ''))
    return new PacedGate(
      this.#shared,
      windows.map(({ window }) => window),
    )
  }
}
