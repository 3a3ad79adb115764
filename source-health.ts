/**
 * How the sources that this process pulls are doing: since when a source's
 * passes fail, and with which code. Never the message, which may quote an
 * address or what the source sent.
 */
import type { SourceReport } from './api/readiness.ts'
import { isRetryable } from './errors.ts'

export interface SourceKey {
  tenant: string
  source: string
}

/** So many failed passes in a row are no passing trouble; where trying again cannot help, one is enough. */
const FAILURES_THAT_COUNT = 3
/** A pass that only ends with the process, as Kafka's, is well when it has gone on for so long. */
const STEADY_MS = 60_000

type Entry = SourceReport & { is_endless: boolean; trying_since_ms?: number }

export class SourceHealth {
  readonly #entries = new Map<string, Entry>()
  readonly #now: () => number

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** From now on this process pulls it. */
  add({ tenant, source }: SourceKey, { is_endless = false } = {}): void {
    this.#entries.set(nameOf({ tenant, source }), { tenant, source, state: 'starting', since: this.#time(), is_endless })
  }

  /** A pass begins, or goes on. */
  trying(key: SourceKey): void {
    const entry = this.#entries.get(nameOf(key))
    if (entry) entry.trying_since_ms ??= this.#now()
  }

  /** A batch is stored. Of a source whose passes end that says little: it may fail at the same place every time. */
  stored(key: SourceKey): void {
    if (this.#entries.get(nameOf(key))?.is_endless) this.ok(key)
  }

  /** A pass has ended well. */
  ok(key: SourceKey): void {
    const entry = this.#entries.get(nameOf(key))
    if (!entry || entry.state === 'ok') return
    const { tenant, source, is_endless } = entry
    this.#entries.set(nameOf(key), { tenant, source, is_endless, state: 'ok', since: this.#time() })
  }

  failed(key: SourceKey, code: string): void {
    const entry = this.#entries.get(nameOf(key))
    if (!entry) return
    const { tenant, source, is_endless, failures = 0 } = entry
    const since = entry.state === 'failing' ? entry.since : this.#time()
    this.#entries.set(nameOf(key), { tenant, source, is_endless, state: 'failing', since, code, failures: failures + 1 })
  }

  report(): SourceReport[] {
    for (const entry of this.#entries.values())
      if (entry.is_endless && entry.trying_since_ms !== undefined && this.#now() - entry.trying_since_ms >= STEADY_MS) this.ok(entry)
    return Array.from(this.#entries.values(), ({ is_endless: _, trying_since_ms: __, ...report }) => report)
  }

  #time(): string {
    return new Date(this.#now()).toISOString()
  }
}

/** Whether a source has failed for good, as far as one can tell: an operator has to do something. */
export function isDown({ state, code = '', failures = 0 }: SourceReport): boolean {
  return state === 'failing' && (!isRetryable(code) || failures >= FAILURES_THAT_COUNT)
}

const nameOf = ({ tenant, source }: SourceKey): string => `${tenant}/${source}`
