/**
 * A process of the simulated world: all it knows of time, of stores and of the
 * network passes through here. It can be killed, and then runs not another
 * line; or sleep, as a machine does that is suspended, and then goes on as if
 * no time had passed.
 */
import type { LeaseTimer } from '../sql/leases.ts'
import type { World } from './world.ts'

/** How likely it is that something goes wrong with a call; all 0 in a world without faults. */
export interface CallFaults {
  /** The call does not happen, and fails. */
  lost: number
  /** The call happens, and fails all the same: its answer is lost. */
  unanswered: number
  /** The call takes seconds. */
  slow: number
}

export class Lost extends Error {}

export class Process {
  readonly name: string
  /** Asked to stop, as by SIGTERM. */
  readonly stopping = new AbortController()
  readonly #world: World
  readonly #faults: CallFaults
  /** How far this machine's clock is ahead. */
  readonly #skew_ms: number
  #is_dead = false
  #wakes_at_ms = 0
  #trap: { call: string; strike: () => void } | undefined

  constructor(world: World, name: string, faults: CallFaults, skew_ms = 0) {
    this.#world = world
    this.name = name
    this.#faults = faults
    this.#skew_ms = skew_ms
  }

  get isDead(): boolean {
    return this.#is_dead
  }

  get isAsleep(): boolean {
    return this.#wakes_at_ms > this.#world.now_ms
  }

  /** As kill -9: calls under way may still happen, or not. */
  kill(): void {
    this.#world.note(() => `${this.name} is killed`)
    this.#is_dead = true
  }

  /** Suspends the process: calls under way happen, and it hears of them when it wakes. */
  suspend(ms: number): void {
    this.#world.note(() => `${this.name} sleeps for ${ms / 1000} s`)
    this.#wakes_at_ms = Math.max(this.#wakes_at_ms, this.#world.now_ms + ms)
  }

  /** Does something at the moment when the process is about to make a call of that name. */
  setTrap(call: string, strike: () => void): void {
    this.#trap = { call, strike }
  }

  readonly now = (): number => this.#world.now_ms + this.#skew_ms

  /** Something outside the process: it happens at some moment, and is answered at a later one. */
  call<T>(what: string, effect: () => T | Promise<T>, faults = this.#faults): Promise<T> {
    const { random } = this.#world
    if (this.#trap?.call === what && !this.#is_dead) {
      const { strike } = this.#trap
      this.#trap = undefined
      strike()
    }
    // What a process is about to do when it falls asleep it does when it wakes.
    const asleep_ms = Math.max(0, this.#wakes_at_ms - this.#world.now_ms)
    const there_ms = asleep_ms + latency(random.next(), random.next() < faults.slow)
    const back_ms = latency(random.next(), random.next() < faults.slow)
    const luck = random.next()
    const outlives = random.next() < 0.5
    return new Promise((resolve, reject) => {
      this.#world.after(there_ms, async () => {
        if (this.#is_dead && !outlives) return
        const fail = (): void => {
          this.#world.note(() => `${this.name} ${what}: ${luck < faults.lost ? 'lost' : 'done, and the answer lost'}`)
          this.#answer(back_ms, () => reject(new Lost(`${what}: the connection was lost`)))
        }
        if (luck < faults.lost) return fail()
        try {
          const result = await effect()
          if (luck < faults.lost + faults.unanswered) return fail()
          this.#world.note(() => `${this.name} ${what}`)
          this.#answer(back_ms, () => resolve(result))
        } catch (thrown) {
          this.#world.note(() => `${this.name} ${what}: ${String(thrown)}`)
          this.#answer(back_ms, () => reject(thrown instanceof Error ? thrown : new Error(String(thrown))))
        }
      })
    })
  }

  /** Waits; returns at once when the signal aborts. */
  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const done = (): void => {
        signal?.removeEventListener('abort', done)
        resolve()
      }
      this.#answer(ms, done)
      signal?.addEventListener('abort', done)
    })

  /** Calls once in `ms`, unless the function it returns is called before. */
  readonly timer = (ms: number, call: () => void): (() => void) => {
    let is_off = false
    this.#answer(ms, () => is_off || call())
    return () => void (is_off = true)
  }

  readonly leaseTimer: LeaseTimer = {
    now: () => this.#world.now_ms,
    every: (ms, call) => {
      let stop = (): void => undefined
      const again = (): void => {
        stop = this.timer(ms, () => {
          again()
          call()
        })
      }
      again()
      return () => stop()
    },
  }

  /** The process goes on in `ms`: not while it sleeps, and never once it is dead. */
  #answer(ms: number, goOn: () => void): void {
    this.#world.after(ms, () => {
      if (this.#is_dead) return
      const asleep_ms = this.#wakes_at_ms - this.#world.now_ms
      if (asleep_ms > 0) this.#answer(asleep_ms + this.#world.random.int(0, 2), goOn)
      else goOn()
    })
  }
}

function latency(chance: number, is_slow: boolean): number {
  return is_slow ? 100 + Math.floor(chance * 12_000) : 1 + Math.floor(chance * chance * 40)
}
