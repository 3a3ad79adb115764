/**
 * One schedule: a phone company, a warehouse, and workers that pull from the one
 * and refresh the other, while everything the seed's plan has goes wrong; then
 * the faults stop, and all promises must hold. The same seed gives the same
 * schedule, to the line of its trace.
 */
import { Random } from '../fixtures/random.ts'
import { models } from './fact-models.ts'
import { MemoryGenerations, MemoryLeases, MemorySourceState } from './memory-control.ts'
import { MemoryWarehouse } from './memory-warehouse.ts'
import type { Mutation } from './mutations.ts'
import { endFaults, planOf, type Plan, type Trouble } from './plan.ts'
import { Process } from './process.ts'
import { Broken, checkCoverage, checkEnd, checkPublished } from './promises.ts'
import { TelcoApi } from './telco-api.ts'
import { Telco } from './telco.ts'
import { simulatedFetch } from './simulated-fetch.ts'
import { ingest, transform, type Parts } from './workers.ts'
import { World } from './world.ts'

export interface Outcome {
  seed: number
  /** Why the schedule failed; undefined where all promises were kept. */
  failure: string | undefined
  trace: string[]
  /** Of what there was to see, for the summary. */
  counts: { requests: number; batches: number; refreshes: number; kills: number; minutes: number }
}

const MINUTE_MS = 60_000
/** Failed passes are tried again up to five minutes later, twice that where a Retry-After comes on top. */
const QUIET_LIMIT_MS = 60 * MINUTE_MS

/** Their records bear the same names. */
const tenants = ['acme', 'globex']

type Role = 'ingest' | 'transform'

/** A tenant: its phone company, and what is remembered of it. */
interface Company {
  tenant_id: string
  telco: Telco
  api: TelcoApi
  state: MemorySourceState
  /** Passes that have ended since all went quiet. */
  passes: number
}

/** Runs the seed's schedule. A mutation puts a mistake into the code under test, to see whether it is found. */
export async function runSeed(seed: number, options: { trace?: boolean; mutation?: Mutation } = {}): Promise<Outcome> {
  const world = new World(seed, options)
  const plan = planOf(new Random(seed, 8002))
  const run = new Schedule(world, plan, seed, options.mutation)
  let failure: string | undefined
  try {
    await run.play()
  } catch (thrown) {
    if (!(thrown instanceof Error)) throw thrown
    failure = thrown instanceof Broken ? thrown.message : (thrown.stack ?? thrown.message)
    world.note(() => `FAILED: ${failure}`)
  }
  return { seed, failure, trace: world.trace ?? [], counts: run.counts }
}

class Schedule {
  readonly counts = { requests: 0, batches: 0, refreshes: 0, kills: 0, minutes: 0 }
  readonly #world: World
  readonly #plan: Plan
  readonly #mutation: Mutation | undefined
  readonly #companies: Company[]
  readonly #warehouse: MemoryWarehouse
  readonly #generations = new MemoryGenerations()
  readonly #leases: MemoryLeases
  /** By number; where one is dead its place is kept for the next. */
  readonly #processes: { role: Role; process: Process }[] = []
  #born = 0
  #is_quiet = false
  #broken: Error | undefined

  constructor(world: World, plan: Plan, seed: number, mutation: Mutation | undefined) {
    this.#world = world
    this.#plan = plan
    this.#mutation = mutation
    this.#companies = tenants.slice(0, plan.tenants).map((tenant_id, n) => {
      const telco = new Telco(new Random(seed, 8003, n), plan.telco)
      return { tenant_id, telco, api: new TelcoApi(telco, world.random, plan.api_faults, world), state: new MemorySourceState(), passes: 0 }
    })
    this.#leases = new MemoryLeases(() => world.now_ms)
    this.#warehouse = new MemoryWarehouse(
      {
        coveragePublished: (rows) =>
          this.#check(() => {
            for (const { tenant_id, telco } of this.#companies) {
              const own = rows.filter((row) => row.tenant_id === tenant_id)
              checkCoverage(this.#warehouse, telco, own)
            }
          }),
        daysPublished: (days) => this.#check(() => checkPublished(this.#warehouse, days)),
        isTorn: () => !this.#is_quiet && world.random.chance(plan.torn),
      },
      mutation?.warehouse,
    )
  }

  async play(): Promise<void> {
    const { tenants, ingest_workers, refresh_workers, telco, troubles } = this.#plan
    const pulling = tenants * ingest_workers
    for (let n = 0; n < pulling + refresh_workers; n++) this.#start(n < pulling ? 'ingest' : 'transform', n)
    for (const trouble of troubles) this.#world.after(trouble.at_ms, () => this.#happen(trouble))
    const started_ms = this.#world.now_ms
    const listed_ms = Math.max(...this.#companies.map((company) => company.telco.settled_ms)) - started_ms
    const busy_ms = Math.max(telco.active_ms + MINUTE_MS / 2, listed_ms, ...troubles.map(({ at_ms }) => at_ms + 1000))
    let is_over = false
    this.#world.after(busy_ms, () => void (is_over = true))
    await this.#until(() => is_over, busy_ms)
    this.#world.note(() => 'the faults stop')
    endFaults(this.#plan)
    this.#is_quiet = true
    // Whoever slept through it all may still have a word to say.
    await this.#until(() => this.#everybodyIsAwake(), QUIET_LIMIT_MS)
    await this.#untilSettled()
    this.counts.minutes = (this.#world.now_ms - started_ms) / MINUTE_MS
    for (const { tenant_id, telco: company } of this.#companies) checkEnd(this.#warehouse, tenant_id, company)
  }

  /** Until two passes of every company that began in quiet have ended, and nothing is left to refresh. */
  async #untilSettled(): Promise<void> {
    for (const company of this.#companies) company.passes = 0
    const enough = 2 * this.#plan.ingest_workers + 1
    await this.#until(() => this.#companies.every(({ passes }) => passes >= enough) && this.#isSettled(), QUIET_LIMIT_MS)
  }

  #isSettled(): boolean {
    for (const { is_done } of this.#warehouse.marks.winners()) if (is_done === 0) return false
    return this.#warehouse.unpublished().length === 0
  }

  #everybodyIsAwake(): boolean {
    return this.#processes.every(({ process }) => !process.isDead && !process.isAsleep)
  }

  /** A promise broken inside of a store's call must end the schedule, not fail the call. */
  #check(promise: () => void): void {
    try {
      promise()
    } catch (thrown) {
      this.#broken ??= thrown as Error
    }
  }

  async #until(condition: () => boolean, limit_ms: number): Promise<void> {
    await this.#world.runUntil(() => {
      if (this.#broken) throw this.#broken
      return condition()
    }, limit_ms)
  }

  #happen(trouble: Trouble): void {
    const { victim, before } = trouble
    const { process } = this.#processes[victim]!
    if (before === undefined) this.#strike(process, trouble)
    else process.setTrap(before, () => !this.#is_quiet && this.#strike(process, trouble))
  }

  #strike(process: Process, { kind, victim, for_ms }: Trouble): void {
    const { role } = this.#processes[victim]!
    if (process.isDead || process.stopping.signal.aborted) return
    if (kind === 'sleep') return process.suspend(for_ms)
    this.counts.kills += 1
    if (kind === 'kill') process.kill()
    else {
      this.#world.note(() => `${process.name} is asked to stop`)
      process.stopping.abort()
    }
    this.#world.after(for_ms, () => this.#start(role, victim))
  }

  #start(role: Role, place: number): void {
    const name = `${role}-${++this.#born}`
    this.#world.note(() => `${name} starts`)
    // Our own machines' clocks are seconds apart, not minutes.
    const process = new Process(this.#world, name, this.#plan.store_faults, this.#world.random.int(-2000, 2000))
    this.#processes[place] = { role, process }
    const company = this.#companies[place % this.#companies.length]!
    const parts = this.#partsOf(process, company)
    const onRefresh = (): void => void (this.counts.refreshes += 1)
    const work = role === 'ingest' ? this.#ingest(process, parts, company) : transform(this.#world, process, this.#plan, parts, models, onRefresh)
    work.catch((thrown: unknown) => (this.#broken ??= thrown as Error))
  }

  #ingest(process: Process, parts: Parts, company: Company): Promise<void> {
    return ingest(this.#world, process, this.#plan, parts, {
      onBatch: ({ inputs, records }, { accepted, rejected }) => {
        this.counts.batches += 1
        // Of this source every input is one record or one reject.
        if (accepted + rejected !== inputs || accepted < 0 || accepted > records.length)
          this.#broken ??= new Broken(`${accepted} accepted and ${rejected} rejected of ${inputs} inputs, which were ${records.length} records`)
      },
      onPass: () => void (company.passes += 1),
    })
  }

  #partsOf(process: Process, { tenant_id, api, state }: Company): Parts {
    const fetch = simulatedFetch(
      process,
      this.#world,
      this.#plan.network_faults,
      api,
      () => (this.counts.requests += 1),
      (broken) => (this.#broken ??= broken),
    )
    const parts: Parts = {
      target: { tenant_id, source_id: 'phone' },
      records: through(process, this.#warehouse, [
        'coveredEntities',
        'addDeadLetters',
        'addReach',
        'addRows',
        'holdsRows',
        'addMarks',
        'addCoverage',
      ]),
      facts: through(process, this.#warehouse, [
        'unsettledMarks',
        'settleMarks',
        'unpublishedCoverage',
        'publishCoverage',
        'daysReached',
        'buildDays',
        'publishDays',
      ]),
      state: through(process, state, ['checkpoint', 'saveCheckpoint', 'claim', 'advance', 'startPass', 'finishPass']),
      generations: through(process, this.#generations, ['next', 'latest']),
      leases: through(process, this.#leases, ['take', 'extend']),
      fetch,
    }
    return this.#mutation?.mutate?.(parts) ?? parts
  }
}

type Method = (...args: unknown[]) => Promise<unknown>

/** A store as a process has it: every call is one of the process's. */
function through<Store extends object, Name extends keyof Store & string>(process: Process, store: Store, names: readonly Name[]): Pick<Store, Name> {
  const calls = names.map((name) => [name, (...args: unknown[]) => process.call(name, () => (store[name] as Method).apply(store, args))])
  return Object.fromEntries(calls) as Pick<Store, Name>
}
