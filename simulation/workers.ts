/** The project's own code as processes of a simulated world: what `callhouse ingest` and `callhouse transform` run. */
import { Loader } from '../ingest/loader.ts'
import { runForever } from '../ingest/run-source.ts'
import type { LoadTarget, RecordStore } from '../ingest/record-store.ts'
import type { Batch, Log } from '../ingest/source.ts'
import type { SourceState } from '../ingest/source-state.ts'
import { createPretendSource } from '../ingest/sources/pretend.ts'
import { withLease, type LeaseStore } from '../sql/leases.ts'
import type { FactStore, Generations } from '../transform/fact-store.ts'
import type { Model } from '../transform/load-models.ts'
import { refreshFacts } from '../transform/refresh.ts'
import type { Plan } from './plan.ts'
import type { Process } from './process.ts'
import { streams } from './telco.ts'
import type { World } from './world.ts'

/** What a worker stands on; each process has its own way to each of them. */
export interface Parts {
  target: LoadTarget
  records: RecordStore
  state: SourceState
  facts: FactStore
  generations: Generations
  leases: LeaseStore
  fetch: typeof fetch
}

const POLL_MS = 10_000
const LEASE_MS = 10_000
const nothing = (): void => undefined
const silent: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }

export interface IngestReports {
  onBatch(batch: Batch, result: { accepted: number; rejected: number }): void
  onPass(): void
}

/** Pulls the phone company until it is asked to stop. */
export async function ingest(world: World, process: Process, plan: Plan, parts: Parts, reports: IngestReports): Promise<void> {
  const source = createPretendSource({
    url: 'http://telco.test',
    token: 'token',
    streams,
    page_size: plan.page_size,
    concurrency: plan.concurrency,
    http: { random: () => world.random.next(), deadline: process.timer },
    pull: { pages_ahead: plan.pages_ahead },
  })
  const loader = new Loader(parts.records, { now: process.now, newId: () => world.newId() })
  while (!(await succeeds(() => loader.declare(source.entities, parts.target)))) await process.sleep(1000)
  const { target, state, fetch } = parts
  const { signal } = process.stopping
  const { now, sleep } = process
  await runForever({ source, ...target, state, loader, log: silent, signal, now, sleep, fetch, ...reports }, { ...reports, pause_ms: () => POLL_MS })
}

/** Refreshes the facts until it is asked to stop. */
export async function transform(
  world: World,
  process: Process,
  plan: Plan,
  { facts, generations, leases }: Parts,
  models: readonly Model[],
  onRefresh: () => void,
): Promise<void> {
  const { signal } = process.stopping
  const refresh = async (lost?: AbortSignal): Promise<void> => {
    await refreshFacts({ facts, generations, models }, { signal: lost })
    onRefresh()
  }
  while (!signal.aborted) {
    await succeeds(() => {
      if (!plan.with_leases) return refresh()
      const options = { ttl_ms: LEASE_MS, timer: process.leaseTimer, holder: world.newId() }
      return withLease(leases, 'transform', options, (lease) => refresh(lease.signal))
    })
    await process.sleep(plan.refresh_pause_ms, signal)
  }
}

async function succeeds(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work()
    return true
  } catch {
    return false
  }
}
