/** How long a server asks us to stay away, and the gate that keeps every stream away that long. */

const HTTP_DATE = /^[A-Z][a-z]{2,8}, /
/** Timers of more than 2^31 ms fire at once; longer waits are made of several. */
const LONGEST_SLEEP_MS = 3_600_000

/**
 * Milliseconds until a Retry-After ends, or undefined without a usable one. A
 * date is read by the server's clock (its Date header) and by ours, and the
 * later end counts: a clock that is wrong must not make us early.
 */
export function retryAfterMs(headers: Headers, now_ms: number): number | undefined {
  const value = headers.get('retry-after')?.trim()
  if (!value) return undefined
  if (/^\d{1,9}(\.\d+)?$/.test(value)) return Math.ceil(Number(value) * 1000)
  const end_ms = HTTP_DATE.test(value) ? Date.parse(value) : NaN
  if (Number.isNaN(end_ms)) return undefined
  const server_ms = Date.parse(headers.get('date') ?? '')
  return Math.max(0, end_ms - now_ms, Number.isNaN(server_ms) ? 0 : end_ms - server_ms)
}

/** Shut until a time; everyone who wants to send a request to the host waits at it. */
export class RequestGate {
  #open_at_ms = -Infinity

  /** Keeps the gate shut until then; never opens it earlier than someone else asked. */
  shutUntil(time_ms: number): void {
    this.#open_at_ms = Math.max(this.#open_at_ms, time_ms)
  }

  /** Returns when the gate is open; it may have been shut again meanwhile, so it looks again after each wait. */
  async pass(clock: { now(): number; sleep(ms: number, signal?: AbortSignal): Promise<void> }, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      const wait_ms = this.#open_at_ms - clock.now()
      if (!(wait_ms > 0)) return
      await clock.sleep(Math.min(Math.ceil(wait_ms), LONGEST_SLEEP_MS), signal)
    }
  }
}
