/** Keeps the last of the disk for what must still be written: ingest waits while too little is free. */
import { statfs } from 'node:fs/promises'
import type { Log, PullContext } from './source.ts'

export interface DiskGuardOptions {
  statfs?: (path: string) => Promise<{ bavail: number; blocks: number }>
  now?: () => number
  sleep: PullContext['sleep']
  log: Pick<Log, 'warn' | 'info'>
  onChange?: (paused: boolean) => void
}

/** Below this part of the disk ingest pauses. */
export const PAUSE_BELOW = 0.1
/** It goes on above this: a little more, or it would begin and stop with every batch. */
export const RESUME_FROM = 0.11
/** How old a reading may be, and how often a full disk is looked at again. */
const LOOK_MS = 5_000

/** One per data directory, shared by every source that writes to it. */
export class DiskGuard {
  readonly #path: string
  readonly #options: DiskGuardOptions
  #looked_at_ms = -Infinity
  #ratio = 1
  #paused = false

  constructor(path: string, options: DiskGuardOptions) {
    this.#path = path
    this.#options = options
  }

  get paused(): boolean {
    return this.#paused
  }

  /** The free part of the disk, read now; of what an ordinary user may use. */
  async freeRatio(): Promise<number> {
    const { bavail, blocks } = await (this.#options.statfs ?? statfs)(this.#path)
    return blocks > 0 ? bavail / blocks : 1
  }

  /** What /readyz says of the disk. */
  async status(): Promise<string> {
    await this.#look()
    return this.#paused ? `ingest is paused: ${percent(this.#ratio)} of the disk is free, it goes on at ${percent(RESUME_FROM)}` : 'ok'
  }

  /** Returns at once when there is space, else as soon as there is or the signal aborts. */
  async admit(signal: AbortSignal): Promise<void> {
    await this.#look()
    while (this.#paused && !signal.aborted) {
      await this.#options.sleep(LOOK_MS, signal)
      await this.#look()
    }
  }

  async #look(): Promise<void> {
    const now_ms = (this.#options.now ?? Date.now)()
    if (now_ms - this.#looked_at_ms < LOOK_MS) return
    this.#looked_at_ms = now_ms
    // A disk that cannot be asked stops nothing: what cannot be written fails by itself.
    this.#ratio = await this.freeRatio().catch(() => 1)
    const paused = this.#ratio < (this.#paused ? RESUME_FROM : PAUSE_BELOW)
    if (paused === this.#paused) return
    this.#paused = paused
    const details = { free: percent(this.#ratio) }
    if (paused) this.#options.log.warn(details, 'the disk is nearly full: ingest waits for space, nothing is lost, reads go on')
    else this.#options.log.info(details, 'there is space on the disk again: ingest goes on')
    this.#options.onChange?.(paused)
  }
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`
}
