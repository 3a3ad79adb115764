/**
 * Remembers which items were handed on with which content, so that a look-back
 * hands on only what changed. Forgetting is harmless: an item is then loaded again.
 */
const MOST = 200_000

export interface SeenItem {
  id: string
  print: string
  /** Forgotten once no pass will list this time again; Infinity for lists without a time. */
  time_ms: number
}

export class SeenItems {
  #items = new Map<string, SeenItem>()
  #belongs_to: string | undefined

  /** Forgets everything unless the checkpoint is the one it was last filled with: an operator may have set it back. */
  begin(checkpoint: unknown): void {
    if (this.#belongs_to !== JSON.stringify(checkpoint)) this.#items.clear()
  }

  has({ id, print }: SeenItem): boolean {
    return this.#items.get(id)?.print === print
  }

  /** Notes what is durable now, with the checkpoint that was saved with it. */
  add(items: readonly SeenItem[], checkpoint: unknown): void {
    for (const item of items) if (this.#items.has(item.id) || this.#items.size < MOST) this.#items.set(item.id, item)
    this.#belongs_to = JSON.stringify(checkpoint)
  }

  forgetBefore(time_ms: number): void {
    for (const [id, item] of this.#items) if (item.time_ms < time_ms) this.#items.delete(id)
  }
}
