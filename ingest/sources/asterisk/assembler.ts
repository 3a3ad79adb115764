/** What turns the lines of one kind of Asterisk file into records; the source does the reading, batching and coverage. */
import type { CanonicalRecord, EntityName } from '../../records/index.ts'
import type { RejectCode } from '../../source.ts'

/** Why a line was not taken. The reason names no value of the line, so it is safe to log. */
export interface Refusal {
  code: RejectCode
  reason: string
  entity?: EntityName
}

export interface Assembler {
  readonly entities: readonly EntityName[]
  /** Takes a line whole or refuses it whole; never throws. */
  take(line: string): Refusal | undefined
  /** The newest version of every record touched since the last call. */
  drain(): CanonicalRecord[]
  /** What is known only now that the end of the log is reached, such as how long open states have lasted. */
  atEnd(finished: boolean): CanonicalRecord[]
  /** The first and last time the log speaks of, epoch seconds. */
  span(): { first_s: number; last_s: number } | undefined
  /** Everything that is open, as JSON: an assembler made from it goes on as if it had never stopped. */
  state(): unknown
}

/** Collects what was touched, one entry per record, until it is drained as the newest versions. */
export class TouchedRecords {
  readonly #records = new Map<string, () => CanonicalRecord>()

  /** `make` is called when the record is drained: what still changes until then is made once. */
  add(entity: EntityName, native_id: string, make: () => CanonicalRecord): void {
    this.#records.set(`${entity} ${native_id}`, make)
  }

  drain(): CanonicalRecord[] {
    const records = Array.from(this.#records.values(), (make) => make())
    this.#records.clear()
    return records
  }
}
