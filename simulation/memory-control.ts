/** The control plane in memory: checkpoints, passes, generations and leases. */
import type { Position } from '../ingest/source.ts'
import type { PassEnd, SourceState } from '../ingest/source-state.ts'
import type { Holding, LeaseStore } from '../sql/leases.ts'
import type { Generations } from '../transform/fact-store.ts'

/** One source's. Checkpoints are kept as JSON, as in the database. */
export class MemorySourceState implements SourceState {
  readonly passes = new Map<string, PassEnd | undefined>()
  readonly #checkpoints = new Map<string, string>()

  async checkpoint(stream: string): Promise<unknown> {
    const saved = this.#checkpoints.get(stream)
    return saved === undefined ? undefined : JSON.parse(saved)
  }

  async saveCheckpoint(stream: string, value: unknown): Promise<void> {
    this.#checkpoints.set(stream, JSON.stringify(value))
  }

  async claim(_positions: readonly Position[]): Promise<void> {
    throw new Error('no source of the simulation has positions')
  }

  async advance(_positions: readonly Position[]): Promise<void> {
    throw new Error('no source of the simulation has positions')
  }

  async startPass(): Promise<string> {
    const id = `pass-${this.passes.size + 1}`
    this.passes.set(id, undefined)
    return id
  }

  async finishPass(id: string, end: PassEnd): Promise<void> {
    this.passes.set(id, end)
  }
}

export class MemoryGenerations implements Generations {
  #value = 0

  async next(): Promise<number> {
    return ++this.#value
  }

  async latest(): Promise<number | undefined> {
    return this.#value === 0 ? undefined : this.#value
  }
}

export class MemoryLeases implements LeaseStore {
  readonly #now: () => number
  readonly #held = new Map<string, Holding & { expires_at_ms: number }>()

  constructor(now: () => number) {
    this.#now = now
  }

  async take(name: string, holder: string, ttl_ms: number): Promise<number | undefined> {
    const held = this.#held.get(name)
    if (held && held.expires_at_ms > this.#now()) return undefined
    const fence = (held?.fence ?? 0) + 1
    this.#held.set(name, { name, holder, fence, expires_at_ms: this.#now() + ttl_ms })
    return fence
  }

  async extend({ name, holder, fence }: Holding, ms: number): Promise<boolean> {
    const held = this.#held.get(name)
    if (held?.holder !== holder || held.fence !== fence) return false
    held.expires_at_ms = this.#now() + ms
    return true
  }
}
