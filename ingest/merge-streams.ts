/** Several streams at once, as one sequence of batches. */
import { CallhouseError } from '../errors.ts'

type Settled<T> = { stream: AsyncGenerator<T, void>; result?: IteratorResult<T, void>; failure?: unknown }

/**
 * Runs the streams in order, `limit` at a time. A stream is resumed only when
 * the consumer comes back after the batch it yielded, so for each of them
 * "resumed" still means "durable". A stream that fails in a retryable way does
 * not stop the others; its error comes at the end. Any other error, or as many
 * failures as there are lanes (the host is down, not a stream), ends all.
 */
export async function* mergeStreams<T>(
  streams: readonly (() => AsyncGenerator<T, void>)[],
  limit: number,
  stop: () => void,
): AsyncGenerator<T, void> {
  const queue = [...streams]
  const running = new Map<AsyncGenerator<T, void>, Promise<Settled<T>>>()
  const failures: unknown[] = []
  const advance = (stream: AsyncGenerator<T, void>): void => {
    running.delete(stream)
    // Set last: Promise.race prefers the one that has waited longest.
    running.set(
      stream,
      stream.next().then(
        (result) => ({ stream, result }),
        (failure: unknown) => ({ stream, failure }),
      ),
    )
  }
  try {
    for (;;) {
      while (running.size < limit && queue.length > 0) advance(queue.shift()!())
      if (running.size === 0) break
      const settled = await Promise.race(running.values())
      if ('failure' in settled) {
        running.delete(settled.stream)
        failures.push(settled.failure)
        if (!isRetryable(settled.failure) || failures.length >= limit) throw settled.failure
      } else if (settled.result!.done) {
        running.delete(settled.stream)
      } else {
        yield settled.result!.value
        advance(settled.stream)
      }
    }
    if (failures.length > 0) throw failures[0]
  } finally {
    stop()
    await Promise.allSettled([...running.keys()].map((stream) => stream.return()))
  }
}

function isRetryable(failure: unknown): boolean {
  return failure instanceof CallhouseError && failure.retryable
}
