/** Twilio, for the conformance suite: its calls, each of which is a call and a leg. */
import { TwilioMock } from '../../../fixtures/twilio-mock.ts'
import type { ConformanceCase } from '../conformance.suite.ts'
import { twilio } from './definition.ts'
import { ACCOUNT, callItem, sid, TOKEN } from './test-items.ts'
import { createTwilioSource } from './twilio.ts'

const NOW_MS = Date.UTC(2026, 2, 1)
const FIRST_MS = Date.UTC(2026, 1, 25)

export const twilioCase: ConformanceCase = {
  definition: twilio,
  not_applicable: { timeout: 'the mock always answers; that an answer which does not come is asked for again is shown by http-client.test.ts' },
  async start() {
    const mock = new TwilioMock()
    await mock.start()
    mock.credentials.add(`${ACCOUNT}:${TOKEN}`)
    mock.put(ACCOUNT, 'Calls', ...Array.from({ length: 45 }, (_, n) => callItem(n, FIRST_MS + n * 60_000, n === 3 ? { price: null } : {})))
    const faults = { 429: { kind: 'status', status: 429 }, 500: { kind: 'status', status: 500 }, html: { kind: 'html' }, timeout: undefined } as const
    const source = (auth_token: string) =>
      createTwilioSource({
        account_sid: ACCOUNT,
        auth_token,
        url: mock.url,
        page_size: 10,
        lists: ['calls'],
        history_from: '2026-02-01T00:00:00Z',
        http: { timeout_ms: 2_000, random: () => 0 },
      })
    return {
      records: 90,
      now_ms: NOW_MS,
      source: () => source(TOKEN),
      stranger: () => source('wrong'),
      fail: (kind) => void (mock.fault = ({ n }) => (kind !== undefined && n % 3 === 1 ? faults[kind] : undefined)),
      disorder: () => void (mock.fault = ({ n }) => (n % 2 === 0 ? { kind: 'shuffled' } : undefined)),
      change: () => {
        mock.put(ACCOUNT, 'Calls', callItem(3, FIRST_MS + 3 * 60_000), callItem(99, FIRST_MS + 60 * 60_000))
        return { changed: { entity: 'calls', native_id: sid('CA', 3) }, records: 92 }
      },
      future: (saved) => {
        const later = (value: unknown): unknown => {
          if (typeof value === 'number') return value > FIRST_MS - 60 * 86_400_000 ? value + 365 * 86_400_000 : value
          if (Array.isArray(value)) return value.map(later)
          return value !== null && typeof value === 'object'
            ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, later(one)]))
            : value
        }
        for (const [stream, value] of saved) saved.set(stream, later(value))
      },
      addUnknown: () => {
        mock.put(ACCOUNT, 'Calls', callItem(98, FIRST_MS, { brand_new: 'of the vendor' }))
        return { entity: 'calls', native_id: sid('CA', 98), text: 'brand_new' }
      },
      addWrong: () => mock.put(ACCOUNT, 'Calls', callItem(97, FIRST_MS, { duration: 'a while' })),
      stop: () => mock.stop(),
    }
  },
}
