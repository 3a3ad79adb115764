import fc from 'fast-check'
import { expect, test } from 'vitest'
import { advancePositions, claimPositions, loadCheckpoint, saveCheckpoint } from './checkpoints.ts'
import { onBothControls } from './control.suite.ts'

onBothControls('checkpoints', ({ control, another }) => {
  const key = { tenant_id: 'acme', source_id: 'pbx', stream: 'calls' }

  test('there is none until one is saved', async () => {
    expect(await loadCheckpoint(control(), { ...key, stream: 'never' })).toBeUndefined()
  })

  test('what comes back is what was given, whatever JSON it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ stringUnit: 'binary' }), async (value) => {
        await saveCheckpoint(control(), { ...key, value })
        expect(JSON.stringify(await loadCheckpoint(control(), key))).toBe(JSON.stringify(value))
      }),
      { numRuns: 150 },
    )
  })

  test.each([null, 0, '', false, [], {}, '\0', '\ud800', { b: 1, a: 2 }, 5e-324, 1.7976931348623157e308, Number.MAX_SAFE_INTEGER])(
    '%j comes back',
    async (value) => {
      await saveCheckpoint(control(), { ...key, value })
      expect(JSON.stringify(await loadCheckpoint(control(), key))).toBe(JSON.stringify(value))
    },
  )

  test('each stream of each source of each tenant has its own', async () => {
    const keys = ['acme', 'globex'].flatMap((tenant_id) =>
      ['a', 'b'].flatMap((source_id) => ['x', 'y'].map((stream) => ({ tenant_id, source_id, stream }))),
    )
    for (const one of keys) await saveCheckpoint(control(), { ...one, value: one })
    for (const one of keys) expect(await loadCheckpoint(control(), one)).toEqual(one)
  })

  test('positions move forward only, together, and never over what a newer version wrote', async () => {
    const source = { tenant_id: 'acme', source_id: 'kafka' }
    const read = (stream: string): Promise<unknown> => loadCheckpoint(control(), { ...source, stream })
    const advance = (...nexts: number[]): Promise<void> =>
      advancePositions(control(), { ...source, positions: nexts.map((next, n) => ({ stream: `p${n}`, from: 0, next, fingerprint: next % 10 })) })
    await advance(5, 2_000_000_000_000)
    await advance(4, 2_000_000_000_001)
    expect([await read('p0'), await read('p1')]).toEqual([
      { format: 2, next: 5, fingerprint: 5 },
      { format: 2, next: 2_000_000_000_001, fingerprint: 1 },
    ])
    await Promise.all(Array.from({ length: 20 }, (_, n) => advance(6 + ((n * 7) % 20))))
    expect(await read('p0')).toEqual({ format: 2, next: 25, fingerprint: 5 })
    await saveCheckpoint(control(), { ...source, stream: 'p0', value: { format: 3, next: 1 } })
    await advance(99)
    expect(await read('p0')).toEqual({ format: 3, next: 1 })
    await saveCheckpoint(control(), { ...source, stream: 'p0', value: undefined })
    await advance(1)
    expect(await read('p0')).toEqual({ format: 2, next: 1, fingerprint: 1 })
  })

  test('ranges are claimed before they are loaded, where they follow what is loaded; loading them ends the claim', async () => {
    const source = { tenant_id: 'acme', source_id: 'claims' }
    const range = (from: number, next: number, n = 0): { stream: string; from: number; next: number; fingerprint: number } => ({
      stream: `p${n}`,
      from,
      next,
      fingerprint: 7,
    })
    const read = (n = 0): Promise<unknown> => loadCheckpoint(control(), { ...source, stream: `p${n}` })
    const claim = (batch: string): { batch: string; observed_at: string } => ({ batch, observed_at: '2026-11-23 00:00:00.000' })
    const pending = (next: number, batch: string, partitions: number): object => ({ next, fingerprint: 7, ...claim(batch), partitions })
    await claimPositions(control(), { ...source, positions: [range(3, 9), range(0, 4, 1)], claim: claim('first') })
    expect([await read(0), await read(1)]).toEqual([
      { format: 2, next: 3, pending: pending(9, 'first', 2) },
      { format: 2, next: 0, pending: pending(4, 'first', 2) },
    ])
    await advancePositions(control(), { ...source, positions: [range(3, 9)] })
    expect(await read()).toEqual({ format: 2, next: 9, fingerprint: 7 })
    await claimPositions(control(), { ...source, positions: [range(9, 12)], claim: claim('second') })
    expect(await read()).toEqual({ format: 2, next: 9, fingerprint: 7, pending: pending(12, 'second', 1) })
    // One who stands elsewhere, or meets a newer format, changes nothing.
    await claimPositions(control(), { ...source, positions: [range(3, 20)], claim: claim('late') })
    expect(await read()).toMatchObject({ pending: { batch: 'second' } })
    await saveCheckpoint(control(), { ...source, stream: 'p0', value: { format: 3, next: 9 } })
    await claimPositions(control(), { ...source, positions: [range(9, 12)], claim: claim('old') })
    expect(await read()).toEqual({ format: 3, next: 9 })
  })

  test('an undefined checkpoint is none', async () => {
    await saveCheckpoint(control(), { ...key, value: 1 })
    await saveCheckpoint(control(), { ...key, value: undefined })
    expect(await loadCheckpoint(control(), key)).toBeUndefined()
  })

  if (another) {
    test('another process reads it', async () => {
      await saveCheckpoint(control(), { ...key, value: { cursor: 'abc' } })
      const other = await another()
      expect(await loadCheckpoint(other, key).finally(() => other.close())).toEqual({ cursor: 'abc' })
    })
  }
})
