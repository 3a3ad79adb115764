/**
 * The phone company of a simulated world: everything that ever happens to its
 * records is settled beforehand by the seed, late commits included. What it has
 * in the end is the truth that facts are compared with.
 */
import type { Random } from '../fixtures/random.ts'
import { START_MS } from './world.ts'

export const streams = ['queue_visits', 'agent_states'] as const
export type Stream = (typeof streams)[number]

type Item = Record<string, unknown>

/** One version of a record, as the API gives it. */
export interface Version {
  stream: Stream
  id: string
  updated_ms: number
  /** When it turns up in listings: it was committed late where that is after `updated_ms`. */
  visible_ms: number
  item: Item
  is_deleted: boolean
  /** Nothing that can be stored. */
  is_bad: boolean
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/** How late a change may turn up: what the puller's look-back promises to see. */
const LATEST_COMMIT_MS = 60_000

export interface TelcoOptions {
  records: number
  /** For so long after the start things go on changing. */
  active_ms: number
  skew_ms: number
  late_commits: boolean
  bad_items: boolean
}

export class Telco {
  readonly versions: Version[] = []
  readonly skew_ms: number
  readonly #records = new Map<string, Version[][]>()

  constructor(random: Random, options: TelcoOptions) {
    this.skew_ms = options.skew_ms
    for (let n = 1; n <= options.records; n++) {
      const stream = random.pick(streams)
      const id = `${stream === 'queue_visits' ? 'v' : 's'}${n}`
      this.#live(random, stream, id, options)
    }
    this.versions.sort((a, b) => a.updated_ms - b.updated_ms || (a.id < b.id ? -1 : 1))
  }

  /** When everything is in the listings, by the world's clock. */
  get settled_ms(): number {
    return Math.max(...this.versions.map(({ visible_ms }) => visible_ms)) - this.skew_ms
  }

  /** What a listing has at that time: of every record its latest visible version, by update time and id. */
  list(stream: Stream, now_ms: number): Version[] {
    const latest = new Map<string, Version>()
    for (const version of this.versions) if (version.stream === stream && version.visible_ms <= now_ms) latest.set(version.id, version)
    return [...latest.values()].sort((a, b) => a.updated_ms - b.updated_ms || (a.id < b.id ? -1 : 1))
  }

  /** Every record of a stream, as its versions. */
  records(stream: string): Version[][] {
    let records = this.#records.get(stream)
    if (!records) {
      const byId = new Map<string, Version[]>()
      for (const version of this.versions) if (version.stream === stream) byId.set(version.id, [...(byId.get(version.id) ?? []), version])
      this.#records.set(stream, (records = [...byId.values()]))
    }
    return records
  }

  /** The last word on every record. */
  final(): Version[] {
    return streams.flatMap((stream) => this.list(stream, Infinity))
  }

  /** One record's life, on this company's clock. */
  #live(random: Random, stream: Stream, id: string, { active_ms, late_commits, bad_items }: TelcoOptions): void {
    const start_ms = START_MS + this.skew_ms
    const is_old = random.chance(0.5)
    const age_ms = random.chance(0.1) ? random.int(0, 40 * DAY_MS) : random.int(0, 2 * DAY_MS)
    const created_ms = is_old ? start_ms - age_ms : start_ms + random.int(0, active_ms)
    const starts_bad = bad_items && random.chance(0.25)
    const changes = random.weighted([4, 3, 2, 1, 1])
    let updated_ms = created_ms
    for (let n = 0; n <= changes; n++) {
      if (n > 0) {
        const from_ms = random.chance(0.8) ? Math.max(updated_ms, start_ms) : updated_ms
        updated_ms = from_ms + 1 + Math.floor(random.next() ** 2 * Math.max(0, start_ms + active_ms - from_ms))
        // Whole seconds, so that records share an update time.
        if (random.chance(0.3)) updated_ms = Math.max(Math.floor(updated_ms / 1000) * 1000, this.versions.at(-1)!.updated_ms + 1)
      }
      const is_late = late_commits && updated_ms > start_ms && random.chance(0.3)
      const visible_ms = Math.max(updated_ms + (is_late ? random.int(0, LATEST_COMMIT_MS) : 0), n > 0 ? this.versions.at(-1)!.visible_ms : 0)
      const is_deleted = random.chance(n === 0 ? 0.03 : 0.2)
      const is_bad = starts_bad && (n === 0 || this.versions.at(-1)!.is_bad) && (n === 0 || random.chance(0.5))
      const times = { id, created_at: iso(created_ms), updated_at: iso(updated_ms) }
      const fields = stream === 'queue_visits' ? visit(random, id, created_ms, n) : state(random, created_ms, n)
      const item: Item = { ...times, ...fields, ...(is_deleted && { deleted: true }) }
      if (is_bad) spoil(random, stream, item)
      this.versions.push({ stream, id, updated_ms, visible_ms, item, is_deleted: is_deleted && !is_bad, is_bad })
    }
  }
}

/** A record moves: to another hour, another day, another queue. */
function movedFrom(random: Random, created_ms: number, n: number): number {
  if (n === 0 || random.chance(0.4)) return created_ms
  return created_ms + random.int(-2, 2) * (random.chance(0.5) ? HOUR_MS : DAY_MS) + random.int(0, 20) * MINUTE_MS
}

function visit(random: Random, id: string, created_ms: number, n: number): Item {
  const entered_ms = movedFrom(random, created_ms, n)
  const outcome = random.pick(['waiting', 'answered', 'answered', 'abandoned', 'closed'] as const)
  const wait_ms = random.int(0, random.chance(0.2) ? HOUR_MS : 5 * MINUTE_MS)
  const talk_ms = outcome === 'answered' ? random.int(0, random.chance(0.2) ? 30 * HOUR_MS : 10 * MINUTE_MS) : 0
  const answered_ms = entered_ms + wait_ms
  return {
    call_id: `call of ${id}`,
    queue_id: random.pick(['sales', 'support']),
    entered_at: iso(entered_ms),
    answered_at: outcome === 'answered' ? iso(answered_ms) : null,
    exited_at: outcome === 'waiting' ? null : iso(answered_ms + talk_ms),
    outcome,
    wait_ms: outcome === 'waiting' ? 0 : wait_ms,
    talk_ms,
    agent_id: outcome === 'answered' ? random.pick(['ann', 'bob']) : '',
  }
}

function state(random: Random, created_ms: number, n: number): Item {
  const started_ms = movedFrom(random, created_ms, n)
  const lasts_ms = random.int(0, random.chance(0.3) ? 40 * HOUR_MS : HOUR_MS)
  const is_open = random.chance(0.3)
  return {
    agent_id: random.pick(['ann', 'bob']),
    state: random.pick(['available', 'talking', 'paused', 'offline'] as const),
    queue_id: random.pick(['', 'sales']),
    started_at: iso(started_ms),
    ended_at: is_open ? null : iso(started_ms + lasts_ms),
    last_seen_at: is_open && random.chance(0.7) ? iso(started_ms + lasts_ms) : null,
  }
}

function spoil(random: Random, stream: Stream, item: Item): void {
  const how = random.int(0, 2)
  if (how === 0) delete item['created_at']
  else if (how === 1) item[stream === 'queue_visits' ? 'outcome' : 'state'] = 'no such word'
  else item[stream === 'queue_visits' ? 'entered_at' : 'started_at'] = '30 November, a quarter to twelve'
  // A tombstone may lack its fields, which would make it whole again.
  delete item['deleted']
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
