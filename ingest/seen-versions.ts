/**
 * Remembers what of the look-back window is already loaded, so that a quiet
 * poll hands nothing on. Only a saving: forgetting is harmless, and an entry is
 * made only once its record is durable.
 */

export interface SeenEntry {
  id: string
  version: number
  /** Changes with the content, also under one version. */
  print: string
}

export class SeenVersions {
  readonly #limit: number
  /** What the pass before listed, less what this pass has listed again. */
  #before = new Map<string, SeenEntry>()
  #now = new Map<string, SeenEntry>()
  #belongs_to: string | undefined

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Forgets everything unless the checkpoint is the one it was last filled with: an operator may have set it back. */
  begin(checkpoint: unknown): void {
    if (this.#belongs_to === JSON.stringify(checkpoint)) return
    this.#before.clear()
    this.#now.clear()
  }

  /** True when this very content is loaded. */
  has(entry: SeenEntry): boolean {
    return (this.#before.get(entry.id) ?? this.#now.get(entry.id))?.print === entry.print
  }

  /** Notes what is durable now, together with the checkpoint that was saved with it. */
  add(entries: Iterable<SeenEntry>, checkpoint: unknown): void {
    for (const entry of entries) {
      this.#before.delete(entry.id)
      if (this.#now.size < this.#limit) this.#now.set(entry.id, entry)
    }
    this.#belongs_to = JSON.stringify(checkpoint)
  }

  /** Ends a pass: what the next one will not ask for is forgotten. */
  end(next_since_ms: number): void {
    for (const [id, { version }] of this.#now) if (version < next_since_ms) this.#now.delete(id)
    this.#before = this.#now
    this.#now = new Map()
  }
}
