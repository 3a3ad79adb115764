import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RequestGate, retryAfterMs } from './retry-after.ts'
import { testContext } from './test-context.ts'

const NOW_MS = Date.UTC(2026, 2, 1, 12)
const at = (ms: number): string => new Date(ms).toUTCString()

test.each<[string, Record<string, string>, number | undefined]>([
  ['seconds', { 'retry-after': '120' }, 120_000],
  ['zero', { 'retry-after': '0' }, 0],
  ['fractions are rounded up', { 'retry-after': '0.0001' }, 1],
  ['a date by our clock', { 'retry-after': at(NOW_MS + 5_000) }, 5_000],
  ['a date by the server clock when ours is ahead', { 'retry-after': at(NOW_MS - 55_000), date: at(NOW_MS - 60_000) }, 5_000],
  ['a date in the past', { 'retry-after': at(NOW_MS - 5_000) }, 0],
  ['nothing', {}, undefined],
  ['words', { 'retry-after': 'soon' }, undefined],
  ['negative', { 'retry-after': '-5' }, undefined],
])('%s', (_, headers, expected) => {
  expect(retryAfterMs(new Headers(headers), NOW_MS)).toBe(expected)
})

test('whoever passes the gate passes after the latest time anyone asked for', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: -1000, max: 10_000_000 }), { minLength: 1, maxLength: 8 }), async (waits) => {
      const context = testContext()
      const began_ms = context.clock.now_ms
      const gate = new RequestGate()
      const passed = waits.map(async (wait) => {
        gate.shutUntil(began_ms + wait)
        await gate.pass(context, context.signal)
        return context.clock.now_ms - began_ms
      })
      const latest = Math.max(0, ...waits)
      // The first ones may pass before a later one asks.
      expect((await Promise.all(passed)).at(-1)).toBeGreaterThanOrEqual(latest)
      await gate.pass(context, context.signal)
      expect(context.clock.now_ms - began_ms).toBeGreaterThanOrEqual(latest)
    }),
  )
})
