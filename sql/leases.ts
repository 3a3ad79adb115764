/**
 * One process at a time does a job. The holder renews its lease while it works;
 * if it dies, the lease runs out and another takes over. Each holder gets a
 * higher fencing number, so a late write of an earlier one can be told.
 */
import { randomUUID } from 'node:crypto'
import { sql, type RawBuilder } from 'kysely'
import type { Control } from './control.ts'

export interface Lease {
  /** Larger than that of every holder before. */
  fence: number
  /** Aborts when the lease is lost: stop, another may have begun. */
  signal: AbortSignal
}

export interface LeaseOptions {
  /** How long a dead holder blocks the others. */
  ttl_ms: number
  /** How often it is renewed. Default: a third of `ttl_ms`. */
  renew_ms?: number
  /** Milliseconds since 1970. Default: the database's clock, which all processes share. */
  now?: () => number
}

/**
 * Runs `fn` while holding the lease `name`, then gives it back. Returns false at
 * once, without running it, when another holds it.
 *
 * @example await withLease(control, 'transform', { ttl_ms: 60_000 }, async ({ signal }) => refresh(signal))
 */
export async function withLease(control: Control, name: string, options: LeaseOptions, fn: (lease: Lease) => Promise<unknown>): Promise<boolean> {
  const holder = randomUUID()
  const fence = await take(control, name, holder, options)
  if (fence === undefined) return false
  const lost = new AbortController()
  const stop = keepRenewing(options, () => extend(control, { name, holder, fence }, options, options.ttl_ms), lost)
  try {
    await fn({ fence, signal: lost.signal })
  } finally {
    await stop()
    // Where this fails the lease runs out by itself; what fn did counts all the same.
    await extend(control, { name, holder, fence }, options, 0).catch(() => false)
  }
  return true
}

async function take(control: Control, name: string, holder: string, options: LeaseOptions): Promise<number | undefined> {
  const expires_at = moment(options, options.ttl_ms)
  const row = await control.db
    .insertInto('leases')
    .values({ name, holder, fence: 1, expires_at })
    .onConflict((conflict) =>
      conflict
        .column('name')
        .doUpdateSet(({ eb, ref }) => ({ holder, fence: eb(ref('leases.fence'), '+', 1), expires_at }))
        .where('leases.expires_at', '<=', moment(options, 0)),
    )
    .returning('fence')
    .executeTakeFirst()
  return row?.fence
}

/** Makes the lease run out `ms` from now; false when it is another's by now. */
async function extend(control: Control, lease: { name: string; holder: string; fence: number }, options: LeaseOptions, ms: number): Promise<boolean> {
  const { numUpdatedRows } = await control.db
    .updateTable('leases')
    .set({ expires_at: moment(options, ms) })
    .where('name', '=', lease.name)
    .where('holder', '=', lease.holder)
    .where('fence', '=', lease.fence)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Renews until told to stop. A failed renewal is tried again; after a whole `ttl_ms` without one the lease is lost. */
function keepRenewing({ ttl_ms, renew_ms = ttl_ms / 3 }: LeaseOptions, renew: () => Promise<boolean>, lost: AbortController): () => Promise<void> {
  let renewed = performance.now()
  let under_way: Promise<void> | undefined
  const lose = (): void => lost.abort(new Error('The lease was lost to another holder, or could not be renewed in time.'))
  const turn = async (): Promise<void> => {
    const asked = performance.now()
    const kept = await renew().catch(() => undefined)
    if (kept) renewed = asked
    if (kept === false) lose()
  }
  const timer = setInterval(
    () => {
      // Looked at on every tick, because a database that hangs answers no renewal at all.
      if (performance.now() - renewed >= ttl_ms) lose()
      if (!lost.signal.aborted) under_way ??= turn().finally(() => (under_way = undefined))
    },
    Math.max(1, Math.floor(renew_ms)),
  )
  return async () => {
    clearInterval(timer)
    await under_way
  }
}

/** A time `ms` from now, by the shared clock. */
function moment(options: LeaseOptions, ms: number): RawBuilder<Date> {
  const now = options.now ? sql`${new Date(options.now())}::timestamptz` : sql`clock_timestamp()`
  return sql<Date>`${now} + ${ms} * interval '1 millisecond'`
}
