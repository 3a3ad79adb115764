/** Gathers records as rows per table, with the days they reach; what does not fit becomes a reject. */
import { daysBetween, encodeRecord, type Origin, type Placement } from './encode-record.ts'
import type { Envelope } from './records/entity.ts'
import { FieldError } from './records/field.ts'
import { entities, type CanonicalRecord, type EntityName } from './records/index.ts'
import { RowBuffer } from './row-buffer.ts'
import type { Reject } from './source.ts'

/** What a batch does to one entity. */
export interface EntityRows {
  rows: RowBuffer
  /** For every anchor day among the records, the days they count on. */
  reach: Map<string, Set<string>>
}

export class EncodedBatch {
  readonly tables = new Map<EntityName, EntityRows>()
  readonly #origin: Origin
  /** By position: what a source gives twice is kept once. */
  readonly #rejects = new Map<string, Reject>()
  #rejected = 0

  constructor(origin: Origin) {
    this.#origin = origin
  }

  /** Bytes of rows so far. */
  get bytes(): number {
    let bytes = 0
    for (const { rows } of this.tables.values()) bytes += rows.bytes
    return bytes
  }

  /** What is kept of refused inputs. */
  get rejects(): Reject[] {
    return [...this.#rejects.values()]
  }

  /** Inputs refused: as many as the rejects, or more where one was given twice. */
  get rejected(): number {
    return this.#rejected
  }

  /** Adds the record of an input, or refuses it and says why. */
  add(item: CanonicalRecord): Reject | undefined {
    const reject = this.#tryToAdd(item)
    if (reject) this.reject(reject)
    return reject
  }

  /** Adds the records of one input; if any of them is refused, so is the input, and the others are kept. */
  addAll(items: readonly CanonicalRecord[]): void {
    const rejects = items.flatMap((item) => this.#tryToAdd(item) ?? [])
    if (rejects[0]) this.reject(rejects[0])
  }

  reject(reject: Reject): void {
    this.#rejects.set(reject.position, reject)
    this.#rejected += 1
  }

  #tryToAdd(item: CanonicalRecord): Reject | undefined {
    const table = this.#table(item.entity)
    try {
      const record = item.record as unknown as Envelope & Record<string, unknown>
      reach(table, item.entity, encodeRecord(entities[item.entity], record, this.#origin, table.rows, item.at_least))
      return undefined
    } catch (thrown) {
      if (!(thrown instanceof FieldError)) throw thrown
      return rejectOf(item, thrown)
    }
  }

  #table(entity: EntityName): EntityRows {
    let table = this.tables.get(entity)
    if (!table) this.tables.set(entity, (table = { rows: new RowBuffer(), reach: new Map() }))
    return table
  }
}

function reach(table: EntityRows, entity: EntityName, { anchor_day, first_day, last_day }: Placement): void {
  // A tombstone reaches no new day, yet every day its versions were on is touched through its anchor.
  if (entities[entity].span.length === 0) return
  let days = table.reach.get(anchor_day)
  if (!days) table.reach.set(anchor_day, (days = new Set()))
  if (first_day === undefined || last_day === undefined) return
  if (first_day === last_day) days.add(first_day)
  else for (const day of daysBetween(first_day, last_day)) days.add(day)
}

function rejectOf(item: CanonicalRecord, error: FieldError): Reject {
  const { native_id, version, payload } = item.record
  return {
    position: item.position ?? `${item.entity}/${native_id}@${String(version)}`,
    entity: item.entity,
    code: error.message.startsWith('native_id') ? 'identity_missing' : 'field_invalid',
    reason: error.message,
    payload: item.input ?? payload ?? JSON.stringify(item.record),
  }
}
