/**
 * Twilio's list of calls, answered as fast as it is asked: pages are made from
 * one page by filling in the day and the number, so that they cost next to nothing.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FullSpeedTwilio {
  url: string
  /** Resolves when a pull has ended and the next one has asked. */
  pulled: Promise<{ began_ms: number; ended_ms: number }>
  close(): Promise<void>
}

const PAGE = 1_000
const DAY_MS = 86_400_000

/** Starts it with so many pages a day of a thousand calls each, over so many days from `first_day_ms` on; every third call is a leg of another. */
export async function startFullSpeedTwilio(account: string, first_day_ms: number, days: number, pages_per_day: number): Promise<FullSpeedTwilio> {
  const pieces = Array.from({ length: PAGE }, (_, n) => JSON.stringify(call(account, n)))
    .join(',')
    .split(/@(DATE|PAGE)@/)
  let began_ms = 0
  let is_listed = false
  let ended = (_: { began_ms: number; ended_ms: number }): void => undefined
  const pulled = new Promise<{ began_ms: number; ended_ms: number }>((resolve) => (ended = resolve))
  const server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://twilio')
    if (began_ms === 0) began_ms = performance.now()
    if (is_listed) ended({ began_ms, ended_ms: performance.now() })
    const day = Math.round((Date.parse(url.searchParams.get('StartTime>') ?? '') - first_day_ms) / DAY_MS)
    const page = Number(url.searchParams.get('Page') ?? 0)
    const is_there = day >= 0 && day < days && !is_listed
    const next = is_there && page + 1 < pages_per_day ? `${url.pathname}?StartTime>=${url.searchParams.get('StartTime>')}&Page=${page + 1}` : null
    if (!url.searchParams.has('StartTime<') && next === null && !url.searchParams.has('Page')) is_listed = true
    const date = new Date(first_day_ms + day * DAY_MS).toUTCString().slice(0, 16)
    const number = String(day * pages_per_day + page).padStart(12, '0')
    const items = is_there ? pieces.map((piece) => (piece === 'DATE' ? date : piece === 'PAGE' ? number : piece)).join('') : ''
    response.setHeader('content-type', 'application/json')
    response.end(`{"calls":[${items}],"next_page_uri":${JSON.stringify(next)},"page":${page},"page_size":${PAGE}}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pulled,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** The nth call of a page, newest first, with all that Twilio sends. */
function call(account: string, n: number): Record<string, unknown> {
  const began_s = 80_000 - n * 70
  const time = (s: number): string => `@DATE@ ${new Date(s * 1_000).toISOString().slice(11, 19)} +0000`
  const sid = (of: number): string => `CA@PAGE@${String(of).padStart(20, '0')}`
  const is_leg = n % 3 === 0 && n + 1 < PAGE
  const path = `/2010-04-01/Accounts/${account}/Calls/${sid(n)}`
  const below = ['notifications', 'recordings', 'payments', 'events', 'siprec', 'streams', 'transcriptions', 'user_defined_messages']
  return {
    date_updated: time(began_s + 65),
    price_unit: 'USD',
    parent_call_sid: is_leg ? sid(n + 1) : null,
    caller_name: null,
    duration: String(10 + (n % 50)),
    from: `+1500555${String(n % 10_000).padStart(4, '0')}`,
    to: '+15005550100',
    annotation: null,
    answered_by: null,
    sid: sid(n),
    queue_time: '0',
    price: n % 5 === 0 ? null : '-0.00850',
    api_version: '2010-04-01',
    status: 'completed',
    direction: is_leg ? 'outbound-dial' : 'inbound',
    start_time: time(began_s),
    date_created: time(began_s),
    from_formatted: '(500) 555-0000',
    group_sid: null,
    trunk_sid: '',
    forwarded_from: '',
    uri: `${path}.json`,
    account_sid: account,
    end_time: time(began_s + 60),
    to_formatted: '(500) 555-0100',
    phone_number_sid: `PN${'0'.repeat(32)}`,
    subresource_uris: Object.fromEntries(below.map((name) => [name, `${path}/${name}.json`])),
  }
}
