/** What an operator is told of sources: since when one fails, with which code, and when that makes a process unready. */
import { expect, test } from 'vitest'
import { isDown, SourceHealth } from './source-health.ts'

let now_ms = Date.UTC(2026, 10, 1)
const after = (s: number): void => void (now_ms += s * 1000)
const key = { tenant: 'acme', source: 'pbx' }
const health = (options = {}): SourceHealth => {
  now_ms = Date.UTC(2026, 10, 1)
  const made = new SourceHealth(() => now_ms)
  made.add(key, options)
  return made
}

test('a source is starting, then ok or failing, and it is said since when', () => {
  const sources = health()
  expect(sources.report()).toEqual([{ ...key, state: 'starting', since: '2026-11-01T00:00:00.000Z' }])
  after(1)
  sources.ok(key)
  after(1)
  sources.ok(key)
  expect(sources.report()).toEqual([{ ...key, state: 'ok', since: '2026-11-01T00:00:01.000Z' }])
  after(8)
  sources.failed(key, 'source_unavailable')
  after(10)
  sources.failed(key, 'source_garbled')
  expect(sources.report()).toEqual([{ ...key, state: 'failing', since: '2026-11-01T00:00:10.000Z', code: 'source_garbled', failures: 2 }])
  after(10)
  sources.ok(key)
  expect(sources.report()).toEqual([{ ...key, state: 'ok', since: '2026-11-01T00:00:30.000Z' }])
})

test('it is down at once where trying again cannot help, otherwise at the third failure in a row', () => {
  const down = (codes: string[]): boolean => {
    const sources = health()
    for (const code of codes)
      if (code === '') sources.ok(key)
      else sources.failed(key, code)
    return isDown(sources.report()[0]!)
  }
  expect(down([])).toBe(false)
  for (const code of ['source_rejected', 'checkpoint_invalid', 'config_invalid', 'internal', 'what is this']) expect(down([code]), code).toBe(true)
  for (const code of ['source_unavailable', 'kafka_unavailable', 'warehouse_unavailable']) {
    expect(down([code, code]), code).toBe(false)
    expect(down([code, code, '', code]), code).toBe(false)
    expect(down([code, code, code]), code).toBe(true)
  }
})

test('a stored batch says that an endless pass is well, and nothing of one that may fail at the same place again', () => {
  for (const [is_endless, state] of [
    [true, 'ok'],
    [false, 'failing'],
  ] as const) {
    const sources = health({ is_endless })
    sources.failed(key, 'source_unavailable')
    sources.stored(key)
    expect(sources.report()).toMatchObject([{ state }])
  }
})

test('an endless pass in which nothing arrives is well when it has gone on for a minute; the time before it failed does not count', () => {
  const sources = health({ is_endless: true })
  sources.trying(key)
  after(59)
  sources.failed(key, 'kafka_unavailable')
  after(30)
  sources.trying(key)
  after(59)
  sources.trying(key)
  expect(sources.report()).toMatchObject([{ state: 'failing', failures: 1 }])
  after(1)
  expect(sources.report()).toMatchObject([{ state: 'ok' }])
})
