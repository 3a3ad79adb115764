/** What runs by the clock beside ingest and refresh: the comparison with sources' totals, and the scheduled verify. */
import { Cron } from 'croner'
import type { OpenSource, Stores } from './app.ts'
import type { Config } from './config.ts'
import { messageOf } from './errors.ts'
import { realSleep } from './ingest/run-source.ts'
import type { Log } from './ingest/source.ts'
import { reconcileNightly } from './reconcile.ts'
import { withLease } from './sql/leases.ts'
import { listTenants } from './sql/tenants.ts'
import { lookAtFacts, recentRange } from './verify.ts'

interface Clock {
  now(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

const DAY_MS = 86_400_000
/** A timer cannot wait longer than 24 days. */
const LONGEST_SLEEP_MS = DAY_MS
const LEASE_MS = 60_000

/** Runs the job at every time the expression names (UTC) until the signal aborts; a failure is logged and the next time comes. */
export async function atEvery(
  expression: string,
  job: () => Promise<void>,
  log: Log,
  signal: AbortSignal,
  clock: Clock = { now: Date.now, sleep: realSleep },
): Promise<void> {
  const cron = new Cron(expression, { paused: true, timezone: 'UTC' })
  let next = cron.nextRun(new Date(clock.now()))
  while (next !== null && !signal.aborted) {
    const wait_ms = next.getTime() - clock.now()
    if (wait_ms > 0) {
      await clock.sleep(Math.min(wait_ms, LONGEST_SLEEP_MS), signal)
      continue
    }
    try {
      await job()
    } catch (thrown) {
      log.error({ reason: messageOf(thrown) }, 'a scheduled job failed; it runs again at its next time')
    }
    next = cron.nextRun(new Date(Math.max(clock.now(), next.getTime())))
  }
}

/** Compares every source with its own totals each night; of several processes one does. */
export function reconcileForever(stores: Stores, config: Config, sources: readonly OpenSource[], log: Log, signal: AbortSignal): Promise<void> {
  const job = async (): Promise<void> => {
    await withLease(stores.leases, 'reconcile', { ttl_ms: LEASE_MS }, async ({ signal: lost }) => {
      for (const open of sources)
        if (!signal.aborted && !lost.aborted)
          await reconcileNightly(stores, open, log, signal).catch((thrown: unknown) =>
            log.error({ source_id: open.settings.id, reason: messageOf(thrown) }, 'the source could not be compared with the warehouse'),
          )
    })
  }
  return atEvery(config.reconcile_cron, job, log, signal)
}

/** Recomputes the last days' facts each night; of several processes one does. */
export function verifyForever(stores: Stores, config: Config, log: Log, signal: AbortSignal): Promise<void> {
  const job = async (): Promise<void> => {
    await withLease(stores.leases, 'verify', { ttl_ms: LEASE_MS }, () => verifyRecent(stores, log, Date.now()))
  }
  return atEvery(config.verify_cron, job, log, signal)
}

/** Recomputes the last 35 days' facts of every tenant; differences are a metric and an alarm in the log. */
export async function verifyRecent(stores: Stores, log: Log, now_ms: number): Promise<void> {
  for (const { id } of await listTenants(stores.control)) {
    const { differences, moving } = await lookAtFacts(stores, id, recentRange(now_ms))
    stores.metrics.verify_differences.set({ tenant: id }, differences.length)
    stores.metrics.verify_finished.set({ tenant: id }, now_ms / 1000)
    const first = differences.slice(0, 5).map(({ fact, day }) => `${fact} ${day}`)
    if (differences.length > 0)
      log.error(
        { tenant_id: id, differences: differences.length, first },
        'facts differ from their recomputation; `callhouse verify --recent` lists the days',
      )
    if (moving.length > 0) log.info({ tenant_id: id, days: moving.length }, 'fact days that new records kept changing were not compared')
  }
}
