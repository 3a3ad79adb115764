/** RingCentral, for the conformance suite. */
import type { ConformanceCase } from '../conformance.suite.ts'
import { ringcentral } from './definition.ts'
import { createRingCentralSource } from './ringcentral.ts'
import { at, callItem, person, RingCentralServer, smsItem } from './test-account.ts'

const FIRST_MS = Date.UTC(2026, 1, 20, 12)
/** A call with two legs: itself, its legs, a segment of each. */
const ROWS_OF_CALL = 5

const sessionOf = (item: Record<string, unknown>): string => item['telephonySessionId'] as string

export const ringcentralCase: ConformanceCase = {
  definition: ringcentral,
  not_applicable: {},
  async start() {
    let now_ms = Date.UTC(2026, 2, 1)
    const server = await new RingCentralServer(() => now_ms).start()
    // The pulls have clocks of their own; access.test.ts has one for both.
    server.has_limits = false
    server.page_size = 5
    for (let n = 0; n < 12; n += 1) server.putCall(callItem(`c${n}`, FIRST_MS + n * 60_000))
    server.extensions = [person(101), { id: 201, type: 'Department', name: 'Sales' }]
    for (let n = 1; n <= 7; n += 1) server.putMessage('101', smsItem(n, FIRST_MS + n * 1000))
    const records = 12 * ROWS_OF_CALL + 4 + 7
    const faults = {
      429: { status: 429, headers: { 'retry-after': '1' } },
      500: { status: 500 },
      timeout: { status: 0 },
      html: { status: 200, body: '<html>busy</html>' },
    } as const
    const sourceWith = (jwt: string) =>
      createRingCentralSource({ id: 'rc', ...server.client, jwt, url: server.url, http: { timeout_ms: 200, random: () => 0 } })
    return {
      records,
      source: () => sourceWith(server.client.jwt),
      stranger: () => sourceWith('nobody-knows-it'),
      fail: (kind) => void (server.fault = ({ n }) => (kind !== undefined && n % 3 === 1 ? faults[kind] : undefined)),
      disorder: () => void (server.is_disorderly = true),
      change: () => {
        const changed = callItem('c3', FIRST_MS + 3 * 60_000, { lastModifiedTime: at(now_ms - 1_000), billing: { costPurchased: 0.5 } })
        server.putCall(changed)
        server.putCall(callItem('late', FIRST_MS + 30 * 60_000, { lastModifiedTime: at(now_ms - 4 * 60_000) }))
        return { changed: { entity: 'calls', native_id: sessionOf(changed) }, records: records + ROWS_OF_CALL }
      },
      pass: (ms) => void (now_ms += ms),
      future: (saved) => {
        const ahead_ms = now_ms + 365 * 86_400_000
        saved.set('call_log', { ...(saved.get('call_log') as object), token: '999999', complete_ms: ahead_ms })
        saved.set('directory', { ...(saved.get('directory') as object), listed_ms: ahead_ms })
      },
      addUnknown: () => {
        const item = callItem('odd', FIRST_MS, { brand_new: { of: 'the vendor' } })
        server.putCall(item)
        return { entity: 'calls', native_id: sessionOf(item), text: '"brand_new":{"of":"the vendor"}' }
      },
      addWrong: () => {
        server.putCall(callItem('wrong', FIRST_MS, { duration: 'a while' }))
        server.putCall(callItem('less', FIRST_MS, { duration: -1 }))
        server.putMessage('101', smsItem(99, FIRST_MS, { creationTime: '2026-02-20T12:00:00' }))
      },
      stop: () => server.stop(),
    }
  },
}
