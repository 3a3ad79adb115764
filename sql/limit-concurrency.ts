/** Lets a few asynchronous things run at once; the others wait in order. */

export interface Limit {
  <T>(work: () => Promise<T>): Promise<T>
  /** Resolves when nothing runs or waits. */
  idle(): Promise<void>
}

/** A gate that at most `most` pieces of work are past. */
export function limitConcurrency(most: number): Limit {
  let running = 0
  const waiting: (() => void)[] = []
  const watchers: (() => void)[] = []

  const leave = (): void => {
    const next = waiting.shift()
    if (next) {
      next()
      return
    }
    if (--running === 0) for (const watcher of watchers.splice(0)) watcher()
  }
  const limit = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running < most) running++
    else await new Promise<void>((enter) => waiting.push(enter))
    try {
      return await work()
    } finally {
      leave()
    }
  }
  const idle = async (): Promise<void> => {
    if (running > 0) await new Promise<void>((settle) => watchers.push(settle))
  }
  return Object.assign(limit, { idle })
}
