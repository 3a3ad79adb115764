/** Messages between the poll and the load: bounded by bytes, and whoever waits for a change of it. */

/** What a message costs beside its value. */
const OVERHEAD_BYTES = 200

export class MessageBuffer<T extends { size: number }> {
  readonly #limit_bytes: number
  #messages: T[] = []
  #bytes = 0
  #average_bytes = 1_000
  #waiters: (() => void)[] = []

  constructor(limit_bytes: number) {
    this.#limit_bytes = limit_bytes
  }

  get bytes(): number {
    return this.#bytes
  }

  isFull(): boolean {
    return this.#bytes >= this.#limit_bytes
  }

  isHalfEmpty(): boolean {
    return this.#bytes * 2 <= this.#limit_bytes
  }

  /** How many of the wanted messages fit, by the average size so far; at least one. */
  roomFor(wanted: number): number {
    return Math.max(1, Math.min(wanted, Math.floor((this.#limit_bytes - this.#bytes) / this.#average_bytes)))
  }

  push(messages: readonly T[]): void {
    if (messages.length === 0) return
    let bytes = 0
    for (const message of messages) {
      this.#messages.push(message)
      bytes += message.size + OVERHEAD_BYTES
    }
    this.#bytes += bytes
    this.#average_bytes = Math.max(1, bytes / messages.length)
    this.wake()
  }

  /** The first messages, up to that many bytes; at least one if there is one. */
  take(most_bytes: number): T[] {
    let bytes = 0
    let count = 0
    while (count < this.#messages.length && (count === 0 || bytes < most_bytes)) {
      bytes += this.#messages[count]!.size + OVERHEAD_BYTES
      count += 1
    }
    this.#bytes -= bytes
    const taken = this.#messages.splice(0, count)
    this.wake()
    return taken
  }

  clear(): void {
    this.#messages = []
    this.#bytes = 0
    this.wake()
  }

  /** Returns once the condition holds; it is looked at after every change and every `wake`. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiters.push(resolve))
  }

  wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const resume of waiters) resume()
  }
}
