/** The pretend phone company, for the conformance suite. */
import type { ConformanceCase } from './conformance.suite.ts'
import { pretend } from './pretend-definition.ts'
import { createPretendSource } from './pretend.ts'
import { PretendTestServer, testItem, TOKEN } from './pretend-test-server.ts'

const FIRST_MS = Date.UTC(2026, 1, 1)
const call = { direction: 'inbound', started_at: '2026-01-02T00:00:00.000Z', disposition: 'answered' }

export const pretendCase: ConformanceCase = {
  definition: pretend,
  not_applicable: { credentials: 'the source has no check; a wrong token is source_rejected at the first pull, as pretend.test.ts shows' },
  async start() {
    const server = await new PretendTestServer().start()
    server.put('calls', ...Array.from({ length: 45 }, (_, n) => testItem(`c${n}`, FIRST_MS + n * 1_000, call)))
    server.put('users', ...Array.from({ length: 5 }, (_, n) => testItem(`u${n}`, FIRST_MS + n, { user_id: `u${n}` })))
    const faults = {
      429: { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
      500: { kind: 'status', status: 500 },
      timeout: { kind: 'hang' },
      html: { kind: 'html' },
    } as const
    return {
      records: 50,
      source: () =>
        createPretendSource({ url: server.url, token: TOKEN, page_size: 10, http: { timeout_ms: 200, random: () => 0 }, pull: { pages_ahead: 1 } }),
      fail: (kind) => void (server.fault = ({ n }) => (kind !== undefined && n % 3 === 1 ? faults[kind] : undefined)),
      disorder: () => {
        server.fault = ({ n }) => (n % 2 === 0 ? { kind: 'shuffled' } : n % 5 === 0 ? { kind: 'repeated_cursor' } : undefined)
      },
      change: () => {
        server.put(
          'calls',
          testItem('c3', server.now_ms - 30_000, { ...call, disposition: 'abandoned' }),
          testItem('late', server.now_ms - 40_000, call),
        )
        return { changed: { entity: 'calls', native_id: 'c3' }, records: 51 }
      },
      pass: (ms) => void (server.now_ms += ms),
      future: (saved) => {
        for (const [stream, value] of saved) saved.set(stream, { ...(value as object), high_water_ms: server.now_ms + 365 * 86_400_000 })
      },
      addUnknown: () => {
        server.put('calls', testItem('odd', FIRST_MS, { ...call, brand_new: { of: 'the vendor' } }))
        return { entity: 'calls', native_id: 'odd', text: '"brand_new":{"of":"the vendor"}' }
      },
      addWrong: () =>
        server.put('calls', testItem('wrong', FIRST_MS, { ...call, talk_ms: 'a while' }), testItem('less', FIRST_MS, { ...call, talk_ms: -1 })),
      stop: () => server.stop(),
    }
  },
}
