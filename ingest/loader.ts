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
import { Readable } from 'node:stream'
import type { Warehouse } from '../sql/warehouse.ts'
import { daysBetween, encodeRecord, type EncodedRecord, type Origin } from './encode-record.ts'
import type { Envelope } from './records/entity.ts'
import { FieldError } from './records/field.ts'
import { entities, type CanonicalRecord, type EntityName } from './records/index.ts'
import type { Batch, Reject } from './source.ts'

export interface LoadTarget {
  tenant_id: string
  source_id: string
}

/** accepted + rejected = the batch's inputs, always. */
export interface LoadResult {
  accepted: number
  rejected: number
  /** Rows written to core tables. */
  rows: number
}

/** Called between steps; tests and crash drills throw or exit here. */
export type LoadStep = 'dead_letters' | 'day_reach' | 'core' | 'touched_days' | 'coverage'

/** What a batch does to one entity. */
interface EntityLoad {
  lines: string[]
  reach: Map<string, Set<string>>
}

export class Loader {
  readonly #warehouse: Warehouse
  readonly #now: () => number
  readonly #after: (step: LoadStep) => void | Promise<void>
  /** Day pairs known to be stored; forgetting them costs an insert, never a fact. */
  readonly #reached = new Set<string>()

  constructor(warehouse: Warehouse, options: { now?: () => number; after?: (step: LoadStep) => void | Promise<void> } = {}) {
    this.#warehouse = warehouse
    this.#now = options.now ?? Date.now
    this.#after = options.after ?? (() => undefined)
  }

  /** Makes a batch durable and marks the days it touches. Loading it twice changes nothing. */
  async load(batch: Batch, target: LoadTarget): Promise<LoadResult> {
    const now_ms = this.#now()
    const origin: Origin = { ...target, observed_at: clickhouseTime(now_ms) }
    const { loads, rejects } = encodeBatch(batch, origin)
    await this.#insertDeadLetters(rejects, target, now_ms)
    await this.#after('dead_letters')
    await this.#insertReach(loads, target)
    await this.#after('day_reach')
    await Promise.all([...loads].map(([name, load]) => this.#insertLines(name, load.lines)))
    await this.#after('core')
    await this.#insertMarks(loads, target, now_ms)
    await this.#after('touched_days')
    await this.#insertCoverage(batch, target, now_ms)
    await this.#after('coverage')
    const rows = [...loads.values()].reduce((sum, load) => sum + load.lines.length, 0)
    return { accepted: batch.inputs - rejects.length, rejected: rejects.length, rows }
  }

  /**
   * Says which entities a source will deliver, so that answers are not called
   * complete before it has. Changes nothing for what it has covered already.
   */
  async declare(entities: readonly EntityName[], target: LoadTarget): Promise<void> {
    const result = await this.#warehouse.query({
      query: 'SELECT DISTINCT entity FROM coverage WHERE tenant_id = {tenant_id:String} AND source_id = {source_id:String}',
      query_params: { ...target },
      format: 'JSONEachRow',
    })
    const known = new Set((await result.json<{ entity: string }>()).map(({ entity }) => entity))
    const nothing = clickhouseTime(0)
    const values = entities
      .filter((entity) => !known.has(entity))
      .map((entity) => ({ ...target, entity, covered_from: nothing, covered_to: nothing, version: 0 }))
    if (values.length > 0) await this.#warehouse.insert({ table: 'coverage', format: 'JSONEachRow', values })
  }

  async #insertLines(entity: EntityName, lines: string[]): Promise<void> {
    if (lines.length === 0) return
    // The client's insert() would serialise again what is already text; exec() passes bytes on.
    const values = Readable.from([Buffer.from(lines.join(''))], { objectMode: false })
    const { stream } = await this.#warehouse.exec({ query: `INSERT INTO ${entity} FORMAT JSONCompactEachRow`, values })
    stream.destroy()
  }

  async #insertDeadLetters(rejects: Reject[], target: LoadTarget, now_ms: number): Promise<void> {
    if (rejects.length === 0) return
    await this.#warehouse.insert({
      table: 'dead_letters',
      format: 'JSONEachRow',
      values: rejects.map((reject) => ({
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
    })
  }

  async #insertReach(loads: Map<EntityName, EntityLoad>, target: LoadTarget): Promise<void> {
    const fresh: { key: string; row: object }[] = []
    for (const [entity, load] of loads)
      for (const [anchor_day, days] of load.reach)
        for (const day of days) {
          const key = `${target.tenant_id}/${entity}/${anchor_day}/${day}`
          if (!this.#reached.has(key)) fresh.push({ key, row: { tenant_id: target.tenant_id, entity, anchor_day, day } })
        }
    if (fresh.length === 0) return
    await this.#warehouse.insert({ table: 'day_reach', format: 'JSONEachRow', values: fresh.map(({ row }) => row) })
    if (this.#reached.size > 1_000_000) this.#reached.clear()
    for (const { key } of fresh) this.#reached.add(key)
  }

  async #insertMarks(loads: Map<EntityName, EntityLoad>, target: LoadTarget, now_ms: number): Promise<void> {
    const mark_id = randomUUID()
    const marked_at = clickhouseTime(now_ms)
    const marks = [...loads].flatMap(([entity, load]) =>
      [...load.reach.keys()].map((anchor_day) => ({ tenant_id: target.tenant_id, entity, anchor_day, mark_id, is_done: 0, marked_at })),
    )
    if (marks.length > 0) await this.#warehouse.insert({ table: 'touched_days', format: 'JSONEachRow', values: marks })
  }

  async #insertCoverage(batch: Batch, target: LoadTarget, now_ms: number): Promise<void> {
    if (!batch.coverage?.length) return
    await this.#warehouse.insert({
      table: 'coverage',
      format: 'JSONEachRow',
      values: batch.coverage.map(({ entity, from_ms, to_ms }) => ({
        ...target,
        entity,
        covered_from: clickhouseTime(from_ms),
        covered_to: clickhouseTime(to_ms),
        version: now_ms,
      })),
    })
  }
}

function encodeBatch(batch: Batch, origin: Origin): { loads: Map<EntityName, EntityLoad>; rejects: Reject[] } {
  const loads = new Map<EntityName, EntityLoad>()
  const rejects = new Map(batch.rejects.map((reject) => [reject.position, reject]))
  for (const item of batch.records) {
    try {
      const record = item.record as unknown as Envelope & Record<string, unknown>
      add(loads, item.entity, encodeRecord(entities[item.entity], record, origin, item.at_least))
    } catch (thrown) {
      if (!(thrown instanceof FieldError)) throw thrown
      const reject = rejectOf(item, thrown)
      rejects.set(reject.position, reject)
    }
  }
  return { loads, rejects: [...rejects.values()] }
}

function add(loads: Map<EntityName, EntityLoad>, entity: EntityName, encoded: EncodedRecord): void {
  let load = loads.get(entity)
  if (!load) loads.set(entity, (load = { lines: [], reach: new Map() }))
  load.lines.push(encoded.line)
  // A tombstone reaches no new day, yet every day its versions were on is touched through its anchor.
  if (entities[entity].span.length === 0) return
  let days = load.reach.get(encoded.anchor_day)
  if (!days) load.reach.set(encoded.anchor_day, (days = new Set()))
  if (encoded.first_day === undefined || encoded.last_day === undefined) return
  if (encoded.first_day === encoded.last_day) days.add(encoded.first_day)
  else for (const day of daysBetween(encoded.first_day, encoded.last_day)) days.add(day)
}

function rejectOf(item: CanonicalRecord, error: FieldError): Reject {
  const { native_id, version, payload } = item.record
  return {
    position: item.position ?? `${item.entity}/${native_id}@${String(version)}`,
    entity: item.entity,
    code: error.message.startsWith('native_id') ? 'identity_missing' : 'field_invalid',
    reason: error.message,
    payload: payload ?? JSON.stringify(item.record),
  }
}

/** Epoch milliseconds as DateTime64(3) text. */
function clickhouseTime(ms: number): string {
  const iso = new Date(ms).toISOString()
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)}`
}
