/** What a seed makes of its world: how large it is, what can go wrong in it, and when. Every seed leaves some kinds of trouble out, so that others show. */
import type { Random } from '../fixtures/random.ts'
import type { CallFaults } from './process.ts'
import type { ApiFaults } from './telco-api.ts'
import type { TelcoOptions } from './telco.ts'

const MINUTE_MS = 60_000

export interface Trouble {
  at_ms: number
  kind: 'kill' | 'sleep' | 'stop'
  /** Which of the processes, by its number. */
  victim: number
  /** Not at once, but when the victim is about to make this call. */
  before?: string
  /** How long it is away, or sleeps. */
  for_ms: number
}

export interface Plan {
  telco: TelcoOptions
  page_size: number
  concurrency: number
  pages_ahead: number
  /** Companies that share the warehouse. */
  tenants: number
  /** Of each tenant's company. */
  ingest_workers: number
  refresh_workers: number
  refresh_pause_ms: number
  /** Without leases refreshes overlap freely, and all promises hold all the same. */
  with_leases: boolean
  store_faults: CallFaults
  network_faults: CallFaults
  api_faults: ApiFaults
  /** How often an insert into several partitions gets no further than one. */
  torn: number
  troubles: Trouble[]
}

export function planOf(random: Random): Plan {
  const active_ms = random.int(30, 120) * 1000
  const some = (probability: number, most: number): number => (random.chance(probability) ? random.next() * most : 0)
  const callFaults = (): CallFaults => ({ lost: some(0.5, 0.1), unanswered: some(0.5, 0.1), slow: some(0.6, 0.1) })
  const tenants = random.weighted([0, 2, 1])
  const ingest_workers = random.weighted([0, 3, 1])
  const pulling = tenants * ingest_workers
  const with_leases = random.chance(0.6)
  const refresh_workers = with_leases ? random.int(1, 2) : random.int(2, 3)
  return {
    telco: {
      records: random.int(3, random.chance(0.2) ? 40 : 16 / tenants),
      active_ms,
      skew_ms: random.chance(0.5) ? random.int(-15 * MINUTE_MS, 15 * MINUTE_MS) : 0,
      late_commits: random.chance(0.5),
      bad_items: random.chance(0.5),
    },
    page_size: random.int(1, 8),
    concurrency: random.int(1, 3),
    pages_ahead: random.int(1, 8),
    tenants,
    ingest_workers,
    refresh_workers,
    refresh_pause_ms: (with_leases ? random.int(3, 30) : random.int(2, 10)) * 1000,
    with_leases,
    store_faults: callFaults(),
    network_faults: callFaults(),
    api_faults: {
      throttled: some(0.4, 0.3),
      server_error: some(0.4, 0.2),
      hang: some(0.2, 0.05),
      truncated: some(0.3, 0.1),
      cursor_expired: some(0.3, 0.3),
      held_back: some(0.3, 0.3),
      repeated: some(0.3, 0.3),
      duplicated: some(0.3, 0.3),
      shuffled: some(0.3, 0.5),
      refused: some(0.1, 0.02),
    },
    torn: some(0.5, 0.5),
    troubles: [
      ...Array.from({ length: random.weighted([2, 3, 3, 2, 1]) }, () => anyTrouble(random, active_ms, pulling, refresh_workers)),
      // Two refreshes that overlap, of which one is late with its word: rare by itself, and the hardest to get right.
      ...(with_leases ? [] : [{ ...anyTrouble(random, active_ms, 0, refresh_workers), kind: 'sleep' as const, before: 'publishDays' }]).map(
        (trouble) => ({
          ...trouble,
          victim: pulling + trouble.victim,
        }),
      ),
    ],
  }
}

function anyTrouble(random: Random, active_ms: number, pulling: number, refreshing: number): Trouble {
  const victim = random.int(0, pulling + refreshing - 1)
  const calls = victim < pulling ? ingestCalls : refreshCalls
  return {
    at_ms: random.int(0, active_ms + 20_000),
    kind: random.pick(['kill', 'kill', 'kill', 'sleep', 'sleep', 'stop'] as const),
    victim,
    for_ms: random.int(0, random.chance(0.2) ? MINUTE_MS : 25_000),
    ...(random.chance(0.5) && { before: random.pick(calls) }),
  }
}

const ingestCalls = ['addReach', 'addRows', 'addMarks', 'addCoverage', 'saveCheckpoint', 'finishPass']
const refreshCalls = [
  'unpublishedCoverage',
  'unsettledMarks',
  'buildDays',
  'publishDays',
  'publishDays',
  'publishDays',
  'publishDays',
  'latest',
  'settleMarks',
  'publishCoverage',
]

/** From now on nothing goes wrong any more. */
export function endFaults({ store_faults, network_faults, api_faults }: Plan): void {
  for (const faults of [store_faults, network_faults, api_faults] as unknown as Record<string, number>[]) for (const kind in faults) faults[kind] = 0
}
