import { expect, test } from 'vitest'
import { CallhouseError } from '../errors.ts'
import { mergeStreams } from './merge-streams.ts'

const sick = new CallhouseError('source_unavailable', 'down')

async function collect<T>(merged: AsyncIterable<T>, seen: T[] = []): Promise<T[]> {
  for await (const item of merged) seen.push(item)
  return seen
}

function stream(name: string, length: number, failure?: unknown): () => AsyncGenerator<string, void> {
  return async function* () {
    for (let n = 0; n < length; n += 1) yield `${name}${n}`
    if (failure) throw failure
  }
}

test('all streams, at most so many at a time, in the order given', async () => {
  let open = 0
  let most = 0
  const started: number[] = []
  const streams = Array.from(
    { length: 7 },
    (_, n) =>
      async function* (): AsyncGenerator<number, void> {
        started.push(n)
        most = Math.max(most, (open += 1))
        yield n
        yield n
        open -= 1
      },
  )
  expect((await collect(mergeStreams(streams, 3, () => undefined))).toSorted()).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6])
  expect(most).toBe(3)
  expect(started).toEqual([0, 1, 2, 3, 4, 5, 6])
})

test('a stream goes on only when the consumer is back from its batch', async () => {
  let loaded = 0
  const careful = async function* (): AsyncGenerator<string, void> {
    for (let n = 1; n <= 5; n += 1) {
      yield 'a'
      expect(loaded).toBe(n)
    }
  }
  for await (const name of mergeStreams([careful, stream('b', 5)], 2, () => undefined)) {
    for (let n = 0; n < 10; n += 1) await Promise.resolve()
    if (name === 'a') loaded += 1
  }
  expect(loaded).toBe(5)
})

test('one sick stream does not starve the others, and its error still comes', async () => {
  const seen: string[] = []
  await expect(
    collect(
      mergeStreams([stream('a', 1, sick), stream('b', 3), stream('c', 3)], 2, () => undefined),
      seen,
    ),
  ).rejects.toBe(sick)
  expect(seen.toSorted()).toEqual(['a0', 'b0', 'b1', 'b2', 'c0', 'c1', 'c2'])
})

test.each([
  ['an error that no retry mends', [stream('a', 0, new CallhouseError('source_rejected', 'no')), stream('b', 100)]],
  ['as many failures as lanes', [stream('a', 0, sick), stream('b', 0, sick), stream('c', 100)]],
])('%s ends all', async (_, streams) => {
  const seen: string[] = []
  let is_stopped = false
  await expect(
    collect(
      mergeStreams(streams, 2, () => (is_stopped = true)),
      seen,
    ),
  ).rejects.toThrow()
  expect(seen.length).toBeLessThan(10)
  expect(is_stopped).toBe(true)
})
