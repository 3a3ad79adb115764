import { expect, test } from 'vitest'
import { prefetch } from './prefetch.ts'

const bounds = { max_items: 3, max_bytes: 1_000, bytesOf: () => 1 }
const turns = async (): Promise<void> => {
  for (let n = 0; n < 20; n += 1) await Promise.resolve()
}

test('reads ahead up to its bound, then hands over all that waits', async () => {
  let read = 0
  async function* numbers(): AsyncGenerator<number> {
    while (read < 10) yield (read += 1)
  }
  const seen: number[][] = []
  for await (const items of prefetch(numbers(), bounds, () => undefined)) {
    seen.push(items)
    await turns()
    expect(read).toBeLessThanOrEqual(seen.flat().length + bounds.max_items + 1)
  }
  expect(seen.flat()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  expect(Math.max(...seen.map((items) => items.length))).toBe(3)
})

test('bytes bound it as well', async () => {
  let read = 0
  async function* numbers(): AsyncGenerator<number> {
    while (read < 5) yield (read += 1)
  }
  const sizes: number[] = []
  for await (const items of prefetch(numbers(), { ...bounds, max_bytes: 10, bytesOf: () => 10 }, () => undefined)) {
    sizes.push(items.length)
    await turns()
  }
  expect(sizes).toEqual([1, 1, 1, 1, 1])
})

test('an error comes after the items before it', async () => {
  async function* failing(): AsyncGenerator<number> {
    yield 1
    throw new Error('broken')
  }
  const seen: number[] = []
  const all = (async () => {
    for await (const items of prefetch(failing(), bounds, () => undefined)) {
      await turns()
      seen.push(...items)
    }
  })()
  await expect(all).rejects.toThrow('broken')
  expect(seen).toEqual([1])
})

test('leaving early stops the source', async () => {
  const stop = new AbortController()
  let is_closed = false
  async function* endless(): AsyncGenerator<number> {
    try {
      yield 1
      await new Promise((_, reject) => stop.signal.addEventListener('abort', () => reject(new Error('stopped'))))
    } finally {
      is_closed = true
    }
  }
  for await (const items of prefetch(endless(), bounds, () => stop.abort())) {
    expect(items).toEqual([1])
    break
  }
  expect(is_closed).toBe(true)
})
