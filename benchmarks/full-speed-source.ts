/**
 * A phone system that answers as fast as it is asked: it speaks the pretend
 * company's protocol, and its pages are made from one page per stream by
 * filling in the day and the ids, so that it costs next to nothing itself.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FullSpeedSource {
  url: string
  /** Delivers this many more pages of each stream; then the listing ends. Each page is a thousand records. */
  deliver(pages: number): void
  /** Ends the listing where it is. */
  pause(): void
  /** Pages served so far, of all streams. */
  served(): number
  close(): Promise<void>
}

export const streams = ['calls', 'queue_visits', 'agent_states'] as const
type StreamName = (typeof streams)[number]

export const FIRST_DAY_MS = Date.UTC(2026, 8, 1)
/** A busy company: so many thousand calls, visits and states a day. */
export const PAGES_PER_DAY = 4
const PAGE = 1_000
const DAY_MS = 86_400_000

/** Starts it on a free port of loopback; it delivers nothing yet. */
export async function startFullSpeedSource(): Promise<FullSpeedSource> {
  const templates = new Map(streams.map((name) => [name, Array.from({ length: PAGES_PER_DAY }, (_, part) => template(name, part))]))
  const allowed = new Map<string, number>(streams.map((name) => [name, 0]))
  const next = new Map<string, number>(streams.map((name) => [name, 0]))
  let served = 0
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const name = new URL(request.url!, 'http://source').pathname.slice('/v1/'.length) as StreamName
    response.setHeader('content-type', 'application/json')
    if (!templates.has(name)) return void response.end(account())
    const at = next.get(name)!
    const as_of = new Date(dayOf(at) + 2 * DAY_MS).toISOString()
    if (at >= allowed.get(name)!) return void response.end(JSON.stringify({ items: [], next_cursor: null, as_of }))
    next.set(name, at + 1)
    served += 1
    const items = fill(templates.get(name)![at % PAGES_PER_DAY]!, at)
    response.end(`{"items":[${items}],"next_cursor":${at + 1 < allowed.get(name)! ? `"${at + 1}"` : 'null'},"as_of":"${as_of}"}`)
  }
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    deliver: (pages) => streams.forEach((name) => allowed.set(name, next.get(name)! + pages)),
    pause: () => streams.forEach((name) => allowed.set(name, next.get(name)!)),
    served: () => served,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

function dayOf(page: number): number {
  return FIRST_DAY_MS + Math.floor(page / PAGES_PER_DAY) * DAY_MS
}

function account(): string {
  return JSON.stringify({ history_from: new Date(FIRST_DAY_MS).toISOString(), streams: streams.map((name) => ({ name, count: 0 })) })
}

/** Where the day and the page's number go, between the pieces of the text. */
function template(name: StreamName, part: number): string[] {
  const items = Array.from({ length: PAGE }, (_, n) => JSON.stringify(item(name, part * PAGE + n)))
  return items.join(',').split(/(?<=@[DP])@/)
}

function fill(pieces: string[], page: number): string {
  const day = new Date(dayOf(page)).toISOString().slice(0, 10)
  const number = String(page).padStart(8, '0')
  return pieces
    .map((piece) => (piece.endsWith('@D') ? piece.slice(0, -2) + day : piece.endsWith('@P') ? piece.slice(0, -2) + number : piece))
    .join('')
}

/** The nth record of a day. */
function item(name: StreamName, n: number): Record<string, unknown> {
  const began_ms = Math.floor((n * (DAY_MS - 1_000_000)) / (PAGE * PAGES_PER_DAY))
  const time = (ms: number): string => `@D@T${new Date(began_ms + ms).toISOString().slice(11)}`
  const [wait_ms, talk_ms] = [(n * 7_919) % 60_000, 10_000 + ((n * 104_729) % 600_000)]
  const common = { id: `${name}-@P@-${n}`, created_at: time(0), updated_at: time(wait_ms + talk_ms) }
  const call_id = `calls-@P@-${n}`
  const [queue_id, agent_id] = [`queue-${n % 3}`, `agent-${n % 40}`]
  const is_answered = n % 8 !== 0
  const answered_at = is_answered ? time(wait_ms) : null
  const numbers = {
    from_number: `+4930${String((n * 7_127) % 10_000_000).padStart(7, '0')}`,
    to_number: `+49305550${String(n % 100).padStart(3, '0')}`,
  }
  if (name === 'calls')
    return {
      ...common,
      ...numbers,
      direction: 'inbound',
      started_at: time(0),
      answered_at,
      ended_at: time(wait_ms + talk_ms),
      disposition: is_answered ? 'answered' : 'abandoned',
      hangup_cause: 'normal_clearing',
      first_queue_id: queue_id,
      final_agent_id: is_answered ? agent_id : '',
      trunk_id: 'trunk-1',
      leg_count: 2,
      ring_ms: wait_ms,
      talk_ms,
      cost: '0.012500',
      currency: 'EUR',
    }
  if (name === 'queue_visits')
    return {
      ...common,
      call_id,
      queue_id,
      entry_no: 1,
      caller_number: numbers.from_number,
      did_number: numbers.to_number,
      entered_at: time(0),
      answered_at,
      exited_at: time(wait_ms + talk_ms),
      outcome: is_answered ? 'answered' : 'abandoned',
      wait_ms,
      talk_ms: is_answered ? talk_ms : 0,
      wrap_up_ms: is_answered ? 15_000 : 0,
      agent_id: is_answered ? agent_id : '',
    }
  const state = ['available', 'ringing', 'talking', 'wrap_up', 'paused'][n % 5]
  return { ...common, agent_id, state, queue_id, call_id, started_at: time(0), ended_at: time(talk_ms), last_seen_at: time(talk_ms) }
}
