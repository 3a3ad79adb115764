/**
 * One process at a time does a job. The holder renews its lease while it works;
 * if it dies, the lease runs out and another takes over. Each holder gets a
 * higher fencing number, so a late write of an earlier one can be told.
 */
import { randomUUID } from 'node:crypto'

export interface Lease {
  /** Larger than that of every holder before. */
  fence: number
  /** Aborts when the lease is lost: stop, another may have begun. */
  signal: AbortSignal
}

/** Who holds which lease: a lease of that name, by that holder, with that fence. */
export interface Holding {
  name: string
  holder: string
  fence: number
}

/** Where leases are kept, by one clock for all processes: the control plane (control-leases.ts), or memory in the simulation. */
export interface LeaseStore {
  /** Takes the lease if nobody holds it or the holder's time is over; its fence, or undefined when it is held. */
  take(name: string, holder: string, ttl_ms: number): Promise<number | undefined>
  /** Makes the lease run out `ms` from now; false when it is another's by now. */
  extend(holding: Holding, ms: number): Promise<boolean>
}

/** The holder's own clock and timers. */
export interface LeaseTimer {
  /** Milliseconds that never go back, since any moment. */
  now(): number
  /** Calls again and again until the returned function is called. */
  every(ms: number, call: () => void): () => void
}

export interface LeaseOptions {
  /** How long a dead holder blocks the others. */
  ttl_ms: number
  /** How often it is renewed. Default: a third of `ttl_ms`. */
  renew_ms?: number
  timer?: LeaseTimer
  /** Default: a random UUID. */
  holder?: string
}

/**
 * Runs `fn` while holding the lease `name`, then gives it back. Returns false at
 * once, without running it, when another holds it.
 *
 * @example await withLease(controlLeases(control), 'transform', { ttl_ms: 60_000 }, async ({ signal }) => refresh(signal))
 */
export async function withLease(leases: LeaseStore, name: string, options: LeaseOptions, fn: (lease: Lease) => Promise<unknown>): Promise<boolean> {
  const holder = options.holder ?? randomUUID()
  const fence = await leases.take(name, holder, options.ttl_ms)
  if (fence === undefined) return false
  const holding = { name, holder, fence }
  const lost = new AbortController()
  const stop = keepRenewing(options, () => leases.extend(holding, options.ttl_ms), lost)
  try {
    await fn({ fence, signal: lost.signal })
  } finally {
    await stop()
    // Where this fails the lease runs out by itself; what fn did counts all the same.
    await leases.extend(holding, 0).catch(() => false)
  }
  return true
}

const realTimer: LeaseTimer = {
  now: () => performance.now(),
  every: (ms, call) => {
    const timer = setInterval(call, ms)
    return () => clearInterval(timer)
  },
}

/** Renews until told to stop. A failed renewal is tried again; after a whole `ttl_ms` without one the lease is lost. */
function keepRenewing(options: LeaseOptions, renew: () => Promise<boolean>, lost: AbortController): () => Promise<void> {
  const { ttl_ms, renew_ms = ttl_ms / 3, timer = realTimer } = options
  let renewed = timer.now()
  let under_way: Promise<void> | undefined
  const lose = (): void => lost.abort(new Error('The lease was lost to another holder, or could not be renewed in time.'))
  const turn = async (): Promise<void> => {
    const asked = timer.now()
    const kept = await renew().catch(() => undefined)
    if (kept) renewed = asked
    if (kept === false) lose()
  }
  const stop = timer.every(Math.max(1, Math.floor(renew_ms)), () => {
    // Looked at on every tick, because a database that hangs answers no renewal at all.
    if (timer.now() - renewed >= ttl_ms) lose()
    if (!lost.signal.aborted) under_way ??= turn().finally(() => (under_way = undefined))
  })
  return async () => {
    stop()
    await under_way
  }
}
