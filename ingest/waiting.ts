/** Waiting for a condition that something else in this process changes, and says so by `wake`. */
import type { PullContext } from './source.ts'

export class Waiting {
  readonly #sleep: PullContext['sleep']
  #waiters: (() => void)[] = []

  constructor(sleep: PullContext['sleep']) {
    this.#sleep = sleep
  }

  wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const resume of waiters) resume()
  }

  /** Returns once the condition holds; it is looked at after every `wake`. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiters.push(resolve))
  }

  /** Returns once the condition holds, or after so long. */
  async forAWhile(ms: number, condition: () => boolean): Promise<void> {
    if (condition()) return
    const stop = new AbortController()
    let is_over = false
    const timer = this.#sleep(ms, stop.signal).then(() => {
      is_over = true
      this.wake()
    })
    timer.catch(() => undefined)
    await this.until(() => is_over || condition())
    stop.abort()
  }
}
