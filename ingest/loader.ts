/**
 * The one way rows get into the warehouse. The order of its steps is what the
 * promises rest on (docs/architecture.md, "Loading"):
 *
 *   dead letters -> days reached -> core rows -> marks -> coverage -> (the runner) checkpoint
 *
 * A crash between any two steps leaves the checkpoint behind, the source
 * delivers again, and row identity makes the second delivery harmless.
 */
import { randomUUID } from 'node:crypto'
import { EncodedBatch, type EntityRows } from './encode-batch.ts'
import type { LoadTarget, ReachRow, RecordStore, RowBlock } from './record-store.ts'
import type { EntityName } from './records/index.ts'
import type { Batch, Reject } from './source.ts'

/** accepted + rejected = the batch's inputs, always. */
export interface LoadResult {
  accepted: number
  rejected: number
  /** Rows written to core tables. */
  rows: number
}

export type LoadStep = 'dead_letters' | 'day_reach' | 'core' | 'touched_days' | 'coverage'

export interface LoaderOptions {
  now?: () => number
  /** A name no other mark has. */
  newId?: () => string
  /** Called between steps; tests and crash drills throw or exit here. */
  after?: (step: LoadStep) => void | Promise<void>
}

type Tables = ReadonlyMap<EntityName, EntityRows>

export class Loader {
  readonly #store: RecordStore
  readonly #now: () => number
  readonly #newId: () => string
  readonly #after: (step: LoadStep) => void | Promise<void>
  /** Day pairs known to be stored; forgetting them costs an insert, never a fact. */
  readonly #reached = new Set<string>()

  constructor(store: RecordStore, options: LoaderOptions = {}) {
    this.#store = store
    this.#now = options.now ?? Date.now
    this.#newId = options.newId ?? randomUUID
    this.#after = options.after ?? (() => undefined)
  }

  /** Makes a batch durable and marks the days it touches. Loading it twice changes nothing. */
  async load(batch: Batch, target: LoadTarget): Promise<LoadResult> {
    const now_ms = this.#now()
    const { tables, rejects, rejected } = batch.encoded ?? (await encode(batch, target, now_ms))
    await this.#addDeadLetters(rejects, target, now_ms)
    await this.#after('dead_letters')
    await this.#addReach(tables, target)
    await this.#after('day_reach')
    await Promise.all(
      [...tables].map(async ([entity, { rows }]) => {
        if (rows.rows > 0) await this.#addRows(entity, { tsv: rows.toBuffer(), rows: rows.rows }, batch, target)
      }),
    )
    await this.#after('core')
    await this.#addMarks(tables, target, now_ms)
    await this.#after('touched_days')
    await this.#addCoverage(batch, target, now_ms)
    await this.#after('coverage')
    const rows = [...tables.values()].reduce((sum, table) => sum + table.rows.rows, 0)
    return { accepted: batch.inputs - rejected, rejected, rows }
  }

  /**
   * Says which entities a source will deliver, so that answers are not called
   * complete before it has. Changes nothing for what it has covered already.
   */
  async declare(names: readonly EntityName[], target: LoadTarget): Promise<void> {
    const known = await this.#store.coveredEntities(target)
    const nothing = clickhouseTime(0)
    await this.#store.addCoverage(
      names.filter((entity) => !known.has(entity)).map((entity) => ({ ...target, entity, covered_from: nothing, covered_to: nothing, version: 0 })),
    )
  }

  async #addDeadLetters(rejects: readonly Reject[], target: LoadTarget, now_ms: number): Promise<void> {
    if (rejects.length === 0) return
    await this.#store.addDeadLetters(
      rejects.map((reject) => ({
        ...target,
        position: reject.position,
        entity: reject.entity ?? '',
        code: reject.code,
        reason: reject.reason,
        received_at: clickhouseTime(now_ms),
        version: now_ms,
        is_deleted: 0,
        payload: reject.payload.toWellFormed(),
      })),
    )
  }

  async #addRows(entity: EntityName, block: RowBlock, { is_repeated, observed_at }: Batch, target: LoadTarget): Promise<void> {
    if (is_repeated && observed_at !== undefined && (await this.#store.holdsRows(entity, block, { ...target, observed_at }))) return
    await this.#store.addRows(entity, block)
  }

  async #addReach(tables: Tables, { tenant_id }: LoadTarget): Promise<void> {
    const fresh = new Map<string, ReachRow>()
    for (const [entity, { reach }] of tables)
      for (const [anchor_day, days] of reach)
        for (const day of days) {
          const key = `${tenant_id}/${entity}/${anchor_day}/${day}`
          if (!this.#reached.has(key)) fresh.set(key, { tenant_id, entity, anchor_day, day })
        }
    if (fresh.size === 0) return
    await this.#store.addReach([...fresh.values()])
    if (this.#reached.size > 1_000_000) this.#reached.clear()
    for (const key of fresh.keys()) this.#reached.add(key)
  }

  async #addMarks(tables: Tables, { tenant_id }: LoadTarget, now_ms: number): Promise<void> {
    const [mark_id, marked_at] = [this.#newId(), clickhouseTime(now_ms)]
    const marks = [...tables].flatMap(([entity, { reach }]) =>
      Array.from(reach.keys(), (anchor_day) => ({ tenant_id, entity, anchor_day, mark_id, is_done: 0 as const, marked_at })),
    )
    if (marks.length > 0) await this.#store.addMarks(marks)
  }

  async #addCoverage(batch: Batch, target: LoadTarget, now_ms: number): Promise<void> {
    if (!batch.coverage?.length) return
    await this.#store.addCoverage(
      batch.coverage.map(({ entity, from_ms, to_ms }) => ({
        ...target,
        entity,
        covered_from: clickhouseTime(from_ms),
        covered_to: clickhouseTime(to_ms),
        version: now_ms,
      })),
    )
  }
}

/** So many records are encoded in one go: some milliseconds, in which the process answers nobody. */
const MOST_AT_ONCE = 512

async function encode(batch: Batch, target: LoadTarget, now_ms: number): Promise<EncodedBatch> {
  const encoded = new EncodedBatch({ ...target, observed_at: clickhouseTime(now_ms) })
  for (const reject of batch.rejects) encoded.reject(reject)
  for (let at = 0; at < batch.records.length; at += MOST_AT_ONCE) {
    if (at > 0) await new Promise(setImmediate)
    for (const item of batch.records.slice(at, at + MOST_AT_ONCE)) encoded.add(item)
  }
  return encoded
}

/** Epoch milliseconds as DateTime64(3) text. */
export function clickhouseTime(ms: number): string {
  const iso = new Date(ms).toISOString()
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)}`
}
