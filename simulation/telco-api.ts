/**
 * The phone company's REST API, and everything that can go wrong with it: it
 * throttles, fails, hangs, cuts answers short, forgets cursors, and lists items
 * twice, late and out of order.
 */
import type { Random } from '../fixtures/random.ts'
import type { Stream, Telco, Version } from './telco.ts'
import { streams } from './telco.ts'

/** How likely each is; all 0 in a world without faults. */
export interface ApiFaults {
  throttled: number
  server_error: number
  hang: number
  truncated: number
  cursor_expired: number
  held_back: number
  repeated: number
  duplicated: number
  shuffled: number
  refused: number
}

export interface Answer {
  status: number
  headers: Record<string, string>
  body: string
  /** When the client may come back, by the world's clock, where it was told. */
  come_back_ms?: number
  hangs?: boolean
}

export class TelcoApi {
  readonly #telco: Telco
  readonly #random: Random
  readonly #faults: ApiFaults
  readonly #world: { now_ms: number }
  /** Items that were held back from the page before, by the cursor of the page they come with instead. */
  readonly #held = new Map<string, Version[]>()
  readonly #before = new Map<Stream, Version[]>()

  constructor(telco: Telco, random: Random, faults: ApiFaults, world: { now_ms: number }) {
    this.#telco = telco
    this.#random = random
    this.#faults = faults
    this.#world = world
  }

  answer(url: URL): Answer {
    const random = this.#random
    const faults = this.#faults
    const now_ms = this.#world.now_ms + this.#telco.skew_ms
    if (random.chance(faults.throttled)) return this.#comeBack(429, now_ms)
    if (random.chance(faults.server_error))
      return random.chance(0.3) ? this.#comeBack(503, now_ms) : { status: random.pick([500, 502, 504]), headers: {}, body: '' }
    if (random.chance(faults.refused)) return { status: 403, headers: {}, body: '' }
    if (random.chance(faults.hang)) return { status: 200, headers: {}, body: '', hangs: true }
    if (url.pathname === '/v1/account') return ok(this.#account(now_ms))
    const cursor = url.searchParams.get('cursor')
    if (cursor !== null && random.chance(faults.cursor_expired)) return { status: 400, headers: {}, body: '' }
    const body = this.#page(url.pathname.slice('/v1/'.length) as Stream, url.searchParams, now_ms)
    return ok(random.chance(faults.truncated) ? body.slice(0, random.int(0, body.length - 1)) : body)
  }

  /** Retry-After in seconds, or as a date, which has whole seconds only. */
  #comeBack(status: number, now_ms: number): Answer {
    const random = this.#random
    if (random.chance(0.1)) return { status, headers: {}, body: '' }
    const wait_s = random.int(1, random.chance(0.1) ? 100 : 15)
    const end_ms = Math.floor(now_ms / 1000 + wait_s) * 1000
    const is_date = random.chance(0.5)
    const headers = { date: new Date(now_ms).toUTCString(), 'retry-after': is_date ? new Date(end_ms).toUTCString() : String(wait_s) }
    return { status, headers, body: '', come_back_ms: this.#world.now_ms + (is_date ? end_ms - now_ms : wait_s * 1000) }
  }

  #account(now_ms: number): string {
    const counts = streams.map((name) => ({ name, count: this.#telco.list(name, now_ms).length }))
    return JSON.stringify({ account_id: 'a', name: 'A', now: iso(now_ms), history_from: '2026-01-01T00:00:00.000Z', streams: counts })
  }

  #page(stream: Stream, query: URLSearchParams, now_ms: number): string {
    const limit = Number(query.get('limit'))
    const since_ms = query.has('updated_since') ? Date.parse(query.get('updated_since')!) : -Infinity
    const [after_ms, after_id] = readCursor(query.get('cursor'))
    const rest = this.#telco
      .list(stream, now_ms)
      .filter(({ updated_ms, id }) => updated_ms >= since_ms && (updated_ms > after_ms || (updated_ms === after_ms && id > after_id)))
    const own = rest.slice(0, limit)
    const last = own.at(-1)
    const next_cursor = rest.length > limit ? `${stream} ${last!.updated_ms} ${last!.id}` : null
    const from_ms = Math.max(since_ms, after_ms)
    const items = this.#mangle(stream, own, query.get('cursor'), next_cursor, from_ms).map(({ item }) => item)
    return JSON.stringify({ items, next_cursor, as_of: iso(now_ms) })
  }

  #mangle(stream: Stream, own: Version[], cursor: string | null, next_cursor: string | null, from_ms: number): Version[] {
    const random = this.#random
    const faults = this.#faults
    let items = [...own]
    // Asked for again, the page is the same.
    const held = cursor === null ? undefined : this.#held.get(cursor)
    if (held) items.push(...held)
    else if (next_cursor !== null && random.chance(faults.held_back)) {
      this.#held.set(next_cursor, items)
      items = []
    }
    // What comes again is from further up: pages are in the order of their changes, or no listing could ever be resumed.
    if (random.chance(faults.repeated)) items.unshift(...(this.#before.get(stream) ?? []).filter(({ updated_ms }) => updated_ms <= from_ms))
    this.#before.set(stream, own)
    if (random.chance(faults.duplicated)) items.push(...items.filter(() => random.chance(0.5)))
    if (random.chance(faults.shuffled))
      for (let at = items.length - 1; at > 0; at--) {
        const other = random.int(0, at)
        ;[items[at], items[other]] = [items[other]!, items[at]!]
      }
    return items
  }
}

function readCursor(cursor: string | null): [ms: number, id: string] {
  if (cursor === null) return [-Infinity, '']
  const [, ms, id] = cursor.split(' ')
  return [Number(ms), id!]
}

function ok(body: string): Answer {
  return { status: 200, headers: { 'content-type': 'application/json' }, body }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
