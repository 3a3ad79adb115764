/**
 * Time and chance of a simulated world: a clock that only events move, one
 * queue of events, one generator. The same seed gives the same events in the
 * same order, because nothing goes on but what the queue lets go on.
 */
import { Random } from '../fixtures/random.ts'

/** Where every world's clock begins: shortly before midnight, and before a month's end. */
export const START_MS = Date.UTC(2026, 10, 30, 23, 40)

interface Event {
  at_ms: number
  order: number
  happen: () => unknown
}

/** No event is left, or time is up, and what was waited for has not come. */
export class Stuck extends Error {}

export class World {
  readonly random: Random
  now_ms = START_MS
  /** What has happened, a line each; undefined where nobody will read it, which is faster. */
  readonly trace: string[] | undefined
  readonly #queue: Event[] = []
  #order = 0
  #ids = 0

  constructor(seed: number, options: { trace?: boolean } = {}) {
    this.random = new Random(seed, 8001)
    this.trace = options.trace ? [] : undefined
  }

  /** Notes a line of the trace; a function, so that nobody pays for a line that is not kept. */
  note(line: () => string): void {
    this.trace?.push(`${String((this.now_ms - START_MS) / 1000).padStart(8)}s  ${line()}`)
  }

  /** A name that nothing else in this world has. */
  newId(): string {
    return `id-${++this.#ids}`
  }

  /** Makes something happen in `ms`. */
  after(ms: number, happen: () => unknown): void {
    push(this.#queue, { at_ms: this.now_ms + Math.max(0, ms), order: this.#order++, happen })
  }

  /** Lets events happen, one at a time, until the condition holds. Throws Stuck after `limit_ms` of the world's time. */
  async runUntil(condition: () => boolean, limit_ms: number): Promise<void> {
    const end_ms = this.now_ms + limit_ms
    for (;;) {
      await everybodyWaits()
      if (condition()) return
      const next = pop(this.#queue)
      if (!next) throw new Stuck('everybody waits for something that will never happen')
      if (next.at_ms > end_ms) throw new Stuck(`still not there after ${limit_ms / 1000} s`)
      this.now_ms = next.at_ms
      await next.happen()
    }
  }
}

/** Returns once every promise that could go on has gone on: only the world's own events are left to wait for. */
function everybodyWaits(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function isBefore(a: Event, b: Event): boolean {
  return a.at_ms < b.at_ms || (a.at_ms === b.at_ms && a.order < b.order)
}

/** A binary heap. */
function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(event, heap[parent]!)) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = event
}

function pop(heap: Event[]): Event | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || heap.length === 0) return first
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
    if (!isBefore(heap[child]!, last)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = last
  return first
}
