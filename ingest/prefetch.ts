/** Reads ahead, within bounds, while the consumer is busy; hands over whatever has arrived. */

export interface PrefetchBounds<T> {
  /** At most this many wait (one more may be on its way). */
  max_items: number
  /** Reading pauses once this much waits. */
  max_bytes: number
  bytesOf(item: T): number
}

/**
 * The items of `source` in order, as many at a time as are there. An error of
 * the source comes after the items before it. `stop` ends a read under way when
 * the consumer leaves early.
 */
export async function* prefetch<T>(source: AsyncIterable<T>, bounds: PrefetchBounds<T>, stop: () => void): AsyncGenerator<T[], void> {
  let waiting: T[] = []
  let bytes = 0
  let has_left = false
  let ended: { failure?: unknown } | undefined
  let wake = (): void => undefined
  const changed = (): Promise<void> => new Promise((resolve) => (wake = resolve))
  // A function, because the flag changes while the reader waits.
  const hasLeft = (): boolean => has_left
  const isFull = (): boolean => waiting.length >= bounds.max_items || bytes >= bounds.max_bytes

  // At any time only one side waits: the reader on a full queue, the consumer on an empty one.
  const reading = (async () => {
    try {
      for await (const item of source) {
        if (hasLeft()) break
        waiting.push(item)
        bytes += bounds.bytesOf(item)
        wake()
        while (isFull() && !hasLeft()) await changed()
      }
      ended = {}
    } catch (failure) {
      ended = { failure }
    }
    wake()
  })()

  try {
    for (;;) {
      while (waiting.length === 0 && !ended) await changed()
      if (waiting.length > 0) {
        const items = waiting
        waiting = []
        bytes = 0
        wake()
        yield items
      } else {
        if (ended && 'failure' in ended) throw ended.failure
        return
      }
    }
  } finally {
    has_left = true
    stop()
    wake()
    await reading
  }
}
