/** A table that keeps the winner of each key, as a ReplacingMergeTree read with FINAL does. */

export interface Versioned {
  /** Of two rows under one key the higher version counts, of equal ones the later. */
  version: bigint | number
  is_deleted?: boolean
}

export class MemoryTable<Row extends Versioned> {
  readonly #keyOf: (row: Row) => string
  readonly #rows = new Map<string, Row>()

  constructor(keyOf: (row: Row) => string) {
    this.#keyOf = keyOf
  }

  insert(rows: readonly Row[]): void {
    for (const row of rows) {
      const key = this.#keyOf(row)
      const known = this.#rows.get(key)
      if (known === undefined || known.version <= row.version) this.#rows.set(key, row)
    }
  }

  /** The winner under a row's key. */
  winnerOver(row: Row): Row | undefined {
    return this.#rows.get(this.#keyOf(row))
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key)
  }

  /** Rows as FINAL gives them: winners that are not tombstones. */
  *final(): Generator<Row> {
    for (const row of this.#rows.values()) if (!row.is_deleted) yield row
  }

  /** Winners, tombstones included. */
  winners(): IterableIterator<Row> {
    return this.#rows.values()
  }
}
