/** For tests: a pull context with a clock that only sleeping moves, and checkpoints in memory. */
import type { PullContext } from './source.ts'

export interface TestContext extends PullContext {
  /** What was slept, in order. */
  slept: number[]
  saved: Map<string, unknown>
  /** Every log line as JSON. */
  logged: string[]
  clock: { now_ms: number }
}

/** Sleeping takes no time but moves the clock; of concurrent sleepers the longest counts. */
export function testContext(overrides: Partial<PullContext> = {}): TestContext {
  const clock = { now_ms: Date.UTC(2026, 2, 1) }
  const slept: number[] = []
  const logged: string[] = []
  const saved = new Map<string, unknown>()
  const note = (details: object, message: string): void => void logged.push(JSON.stringify({ ...details, message }))
  return {
    tenant_id: 'acme',
    source_id: 'phone',
    checkpoint: async (stream) => structuredClone(saved.get(stream)),
    now: () => clock.now_ms,
    sleep: async (ms) => {
      slept.push(ms)
      const until_ms = clock.now_ms + ms
      await new Promise(setImmediate)
      clock.now_ms = Math.max(clock.now_ms, until_ms)
    },
    fetch,
    signal: new AbortController().signal,
    log: { debug: note, info: note, warn: note, error: note },
    slept,
    saved,
    logged,
    clock,
    ...overrides,
  }
}
