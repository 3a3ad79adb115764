/** Which call a leg belongs to: the one at the top of its chain of parents. */

/** Legs to remember; about 200 bytes each. */
const LIMIT = 200_000
/** A chain longer than this is a ring. */
const LONGEST_CHAIN = 16

export class CallRoots {
  /** A leg's parent; '' for a call. */
  readonly #parents = new Map<string, string>()

  note(sid: string, parent: string): void {
    this.#parents.set(sid, parent)
    if (this.#parents.size > LIMIT) this.#parents.delete(this.#parents.keys().next().value!)
  }

  /** The root, where every leg on the way is known. */
  known(parent: string): string | undefined {
    let at = parent
    for (let step = 0; step < LONGEST_CHAIN; step += 1) {
      const above = this.#parents.get(at)
      if (above === undefined) return undefined
      if (above === '') return at
      at = above
    }
    return at
  }

  /** The root of a leg below `parent`; asks for a leg that is not known. `ask` answers '' for one that is no longer there. */
  async find(parent: string, ask: (sid: string) => Promise<string>): Promise<string> {
    let at = parent
    for (let step = 0; step < LONGEST_CHAIN; step += 1) {
      let above = this.#parents.get(at)
      if (above === undefined) this.note(at, (above = await ask(at)))
      if (above === '') return at
      at = above
    }
    return at
  }
}
