/**
 * A source that does everything wrong that sources do, seed by seed: the
 * warehouse ends equal to the company, and no request goes out too early.
 *
 * 5 seeds in an ordinary run, 100 with CI=true, 1,000 with CALLHOUSE_SOAK=1.
 * FAULT_SEEDS=n runs another number of them, FAULT_SEED=n that seed alone.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStores, refreshOnce, type Stores } from './app.ts'
import { normalizeConfig } from './config.ts'
import { CallhouseError } from './errors.ts'
import { FaultPlan, LATEST_COMMIT_MS, type FaultKind } from './fixtures/faults.ts'
import { Random } from './fixtures/random.ts'
import { createSimulation } from './fixtures/simulation.ts'
import { startTelco } from './fixtures/telco-server.ts'
import { expectRecords } from './fixtures/test-expect-records.ts'
import { expectDay, type Subject } from './fixtures/test-expect-truth.ts'
import { Loader } from './ingest/loader.ts'
import type { EntityName } from './ingest/records/index.ts'
import { runPass } from './ingest/run-source.ts'
import type { Source } from './ingest/source.ts'
import { createPretendSource } from './ingest/sources/pretend.ts'
import { openLog } from './log.ts'
import { listRuns } from './sql/runs.ts'
import { ensureSource } from './sql/sources.ts'
import { ensureTenant } from './sql/tenants.ts'
import { verifyTenant } from './transform/verify.ts'
import { controlSourceState } from './ingest/control-source-state.ts'
import { warehouseRecordStore } from './ingest/warehouse-record-store.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const NOW_MS = Date.UTC(2026, 9, 28, 10)
const streams: EntityName[] = ['queue_visits', 'agent_events', 'agent_states', 'calls', 'messages', 'usage', 'call_legs', 'queues']

const only = process.env['FAULT_SEED']
const soak = process.env['CALLHOUSE_SOAK'] === '1'
const count = Number(process.env['FAULT_SEEDS'] ?? (soak ? 1000 : process.env['CI'] === 'true' ? 100 : 5))
// 3 and 4 are always among them: they found that a usage quantity such as 16.47 lost a millionth on its way into a decimal.
const seeds = only === undefined ? Array.from({ length: count }, (_, at) => at + 1) : [Number(only)]

const data = mkdtempSync(join(tmpdir(), 'callhouse-faults-'))
let stores: Stores
beforeAll(async () => {
  stores = await openStores(normalizeConfig({ data }))
}, 120_000)
afterAll(async () => {
  await stores.close()
  rmSync(data, { recursive: true, force: true })
})

/** Pulls until a pass has ended well, as runForever does; a refused token is replaced, as an operator does. */
async function pullUntilDone(plan: FaultPlan, tenant_id: string, url: string, held: { source: Source }, random: Random): Promise<void> {
  for (let failures = 0; ; failures++) {
    if (failures > 60) throw new Error(`seed ${plan.seed}: no pass succeeds`)
    try {
      const loader = new Loader(warehouseRecordStore(stores.warehouse), { now: () => plan.clock.now_ms })
      const totals = await runPass({
        source: held.source,
        tenant_id,
        source_id: 'telco',
        state: controlSourceState(stores.control, { tenant_id, source_id: 'telco' }),
        loader,
        log: openLog('silent'),
        signal: new AbortController().signal,
        now: () => plan.clock.now_ms,
        sleep: plan.sleep,
        fetch: plan.fetch,
      })
      expect(totals.accepted + totals.rejected).toBe(totals.inputs)
      return
    } catch (thrown) {
      if (!(thrown instanceof CallhouseError)) throw thrown
      const is_refused = thrown.code === 'source_rejected' && thrown.details?.['status'] === 401
      if (!is_refused && !thrown.retryable) throw thrown
      // A new token comes with a new process: the old source's memory is lost.
      if (is_refused || random.chance(0.5)) held.source = sourceOf(plan, url, random)
      await plan.sleep(30_000)
    }
  }
}

function sourceOf(plan: FaultPlan, url: string, random: Random): Source {
  return createPretendSource({
    url,
    token: plan.token(),
    streams,
    page_size: random.int(10, 80),
    http: { timeout_ms: 10, random: () => random.next() },
    pull: { look_back_ms: LATEST_COMMIT_MS },
  })
}

async function runSeed(seed: number): Promise<FaultPlan> {
  const random = new Random(seed, 5001)
  const plan = new FaultPlan(seed, NOW_MS)
  const tenant_id = `seed-${seed}`
  const simulation = createSimulation({ seed, days: 3, calls_per_day: 40, clock: plan.telcoNow })
  const telco = await startTelco({ simulation, token: plan.token, fault: plan.fault, rate_limit: { per_second: 1e6, burst: 1e6 } })
  try {
    await ensureTenant(stores.control, tenant_id)
    await ensureSource(stores.control, { tenant_id, id: 'telco', kind: 'pretend', config: {} })
    const held = { source: sourceOf(plan, telco.url, random) }
    // Minutes, hours and a day go by, and then weeks, after which old records have changed.
    for (const pause_ms of [5 * MINUTE_MS, random.int(1, 30) * 60 * MINUTE_MS, seed % 5 === 0 ? 21 * DAY_MS : DAY_MS]) {
      await pullUntilDone(plan, tenant_id, telco.url, held, random)
      if (random.chance(0.25)) await refreshOnce(stores)
      plan.clock.now_ms += pause_ms
    }
    await pullUntilDone(plan, tenant_id, telco.url, held, random)
    plan.frozen_ms = plan.telcoNow()
    plan.is_settled = true
    await pullUntilDone(plan, tenant_id, telco.url, held, random)
    await refreshOnce(stores)

    const subject: Subject = { warehouse: stores.warehouse, tenant_id, simulation, now_ms: plan.frozen_ms }
    expect(await expectRecords(subject, streams)).toBeGreaterThan(500)
    const first_ms = Math.floor(simulation.from_ms / DAY_MS) * DAY_MS
    for (let day = first_ms; day <= plan.frozen_ms; day += DAY_MS)
      if (day < first_ms + 4 * DAY_MS || day > plan.frozen_ms - 2 * DAY_MS) await expectDay(subject, day)
    expect(await verifyTenant(stores.warehouse, stores.models, tenant_id)).toEqual([])
    expect(plan.early).toEqual([])
    for (const run of await listRuns(stores.control, { tenant_id })) expect(run.accepted + run.rejected).toBe(run.inputs)
    return plan
  } finally {
    await telco.close()
  }
}

/** What was expected and what there was instead, as far as it fits. */
function describe(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const { expected, actual } = thrown as { expected?: unknown; actual?: unknown }
  if (expected === undefined) return thrown.message
  const [want, have] = [expected, actual].map((value) => JSON.stringify(value, null, 1).split('\n'))
  const [missing, extra] = [want!.filter((line) => !have!.includes(line)), have!.filter((line) => !want!.includes(line))]
  return `expected ${missing.slice(0, 20).join('')} but there was ${extra.slice(0, 20).join('')}\n${thrown.stack?.split('\n').slice(1, 5).join('\n')}`
}

test(`${seeds.length} seeds end with the warehouse equal to the company`, async () => {
  const began = performance.now()
  const totals: Partial<Record<FaultKind | 'requests', number>> = {}
  const failed: string[] = []
  for (const seed of seeds) {
    try {
      const { counts, sent_at_ms } = await runSeed(seed)
      for (const [kind, n] of Object.entries({ ...counts, requests: sent_at_ms.length }))
        totals[kind as FaultKind] = (totals[kind as FaultKind] ?? 0) + n
    } catch (thrown) {
      failed.push(`FAULT_SEED=${seed}: ${describe(thrown)}`)
      if (failed.length === 3) break
    }
  }
  process.stdout.write(`${seeds.length} fault seeds in ${Math.round((performance.now() - began) / 1000)} s: ${JSON.stringify(totals)}\n`)
  expect(failed).toEqual([])
}, 3_600_000)

test.runIf(only === undefined)('the large runs', (context) => {
  if (!soak) context.skip(`${count} seeds here; 100 run with CI=true and 1,000 with CALLHOUSE_SOAK=1`)
})
