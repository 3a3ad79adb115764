/**
 * The warehouse in memory: what the loader writes and what a refresh reads and
 * writes, with the warehouse's semantics. contract.test.ts holds it to the real
 * one's. It remembers what it built facts from, which the real one does not, so
 * that promises can be checked while they are made.
 */
import type { CoverageRow, DeadLetterRow, LoadTarget, MarkRow, ReachRow, RecordStore, RowBlock } from '../ingest/record-store.ts'
import type { EntityName } from '../ingest/records/index.ts'
import type { Anchor, CoverageRow as PublishedCoverage, DayBuild, FactStore, Mark, PublishedDay, ReachedDay } from '../transform/fact-store.ts'
import type { Model } from '../transform/load-models.ts'
import { parseRows, type CoreRow } from './core-row.ts'
import { factRows, type FactRow } from './fact-models.ts'
import { MemoryTable, type Versioned } from './memory-table.ts'

/** One day of a fact as some generation has it. */
export interface BuiltDay {
  rows: FactRow[]
  /** Of every record the model reads, the version that was there when it read. */
  seen: ReadonlyMap<string, bigint>
}

/** What the real warehouse does not tell. */
export interface Watcher {
  coveragePublished?(rows: readonly PublishedCoverage[]): void
  daysPublished?(days: readonly PublishedDay[]): void
  /** Whether this insert gets only as far as one of its partitions. */
  isTorn?(): boolean
}

/** Ways in which a warehouse could be wrong; for the tests of the tests. */
export interface Variant {
  /** The key of core tables, in the place of the record's identity. */
  rowKey?: (columns: CoreRow['columns']) => string
  lastPublishedWins?: boolean
}

export class MemoryWarehouse implements RecordStore, FactStore {
  readonly deadLetters = new MemoryTable<Omit<DeadLetterRow, 'is_deleted'> & Versioned>(
    (row) => `${row.tenant_id}\t${row.source_id}\t${row.position}`,
  )
  readonly marks = new MemoryTable<MarkRow & Versioned>((row) => `${row.tenant_id}\t${row.entity}\t${row.anchor_day}\t${row.mark_id}`)
  readonly coverage = new MemoryTable<PublishedCoverage & Versioned>(coverageKey)
  readonly publishedCoverage = new MemoryTable<PublishedCoverage & Versioned>(coverageKey)
  readonly publishedDays = new MemoryTable<PublishedDay & Versioned>((row) => dayKey(row))
  /** By tenant, entity and anchor day. */
  readonly #reach = new Map<string, Set<string>>()
  readonly #core = new Map<EntityName, MemoryTable<CoreRow>>()
  /** By fact, tenant, day and generation. */
  readonly #built = new Map<string, BuiltDay>()
  readonly #watcher: Watcher
  readonly #variant: Variant

  constructor(watcher: Watcher = {}, variant: Variant = {}) {
    this.#watcher = watcher
    this.#variant = variant
  }

  core(entity: EntityName): MemoryTable<CoreRow> {
    let table = this.#core.get(entity)
    const keyOf = this.#variant.rowKey ?? rowKey
    if (!table) this.#core.set(entity, (table = new MemoryTable(({ columns }) => keyOf(columns))))
    return table
  }

  /** What readers see of a day; undefined where nothing was ever published. */
  publishedDay(fact: string, tenant_id: string, day: string): BuiltDay | undefined {
    const generation = this.#generationOf({ fact, tenant_id, day })
    return generation === undefined ? undefined : (this.builtDay({ fact, tenant_id, day, generation }) ?? { rows: [], seen: new Map() })
  }

  builtDay(day: PublishedDay): BuiltDay | undefined {
    return this.#built.get(`${dayKey(day)} ${day.generation}`)
  }

  #generationOf(day: Omit<PublishedDay, 'generation'>): number | undefined {
    return this.publishedDays.get(dayKey(day))?.generation
  }

  async coveredEntities({ tenant_id, source_id }: LoadTarget): Promise<ReadonlySet<string>> {
    const own = [...this.coverage.winners()].filter((row) => row.tenant_id === tenant_id && row.source_id === source_id)
    return new Set(own.map(({ entity }) => entity))
  }

  async addDeadLetters(rows: readonly DeadLetterRow[]): Promise<void> {
    this.deadLetters.insert(rows.map((row) => ({ ...row, is_deleted: row.is_deleted === 1 })))
  }

  async addReach(rows: readonly ReachRow[]): Promise<void> {
    for (const { tenant_id, entity, anchor_day, day } of rows) {
      const key = `${tenant_id}\t${entity}\t${anchor_day}`
      this.#reach.set(key, (this.#reach.get(key) ?? new Set()).add(day))
    }
  }

  /** As a MergeTree does: one part per partition, each whole or not at all. */
  async addRows(entity: EntityName, { tsv }: RowBlock): Promise<void> {
    const partitions = new Map<string, CoreRow[]>()
    for (const row of parseRows(entity, tsv.toString('utf8'))) {
      const month = row.columns['anchor_day']!.slice(0, 7)
      partitions.set(month, [...(partitions.get(month) ?? []), row])
    }
    for (const rows of partitions.values()) {
      this.core(entity).insert(rows)
      if (partitions.size > 1 && this.#watcher.isTorn?.()) throw new Error('the insert got no further than one partition')
    }
  }

  async holdsRows(entity: EntityName, { tsv }: RowBlock, { observed_at }: { observed_at: string }): Promise<boolean> {
    return parseRows(entity, tsv.toString('utf8')).every((row) => {
      const winner = this.core(entity).winnerOver(row)
      return winner !== undefined && winner.version >= row.version && winner.columns['observed_at'] === observed_at
    })
  }

  async addMarks(rows: readonly MarkRow[]): Promise<void> {
    this.marks.insert(rows.map((row) => ({ ...row, version: row.is_done })))
  }

  async addCoverage(rows: readonly CoverageRow[]): Promise<void> {
    this.coverage.insert(rows)
  }

  async unsettledMarks(): Promise<Mark[]> {
    const rows = [...this.marks.winners()].filter(({ is_done }) => is_done === 0)
    return rows.map(({ tenant_id, entity, anchor_day, mark_id, marked_at }) => ({ tenant_id, entity, anchor_day, mark_id, marked_at }))
  }

  async settleMarks(marks: readonly Mark[]): Promise<void> {
    this.marks.insert(marks.map((mark) => ({ ...mark, is_done: 1, version: 1 })))
  }

  async unpublishedCoverage(): Promise<PublishedCoverage[]> {
    return this.unpublished()
  }

  unpublished(): PublishedCoverage[] {
    return [...this.coverage.winners()].filter((row) => this.publishedCoverage.get(coverageKey(row))?.covered_to !== row.covered_to)
  }

  async publishCoverage(rows: readonly PublishedCoverage[]): Promise<void> {
    this.publishedCoverage.insert(rows.map((row) => ({ ...row, version: Number(row.version) })))
    this.#watcher.coveragePublished?.(rows)
  }

  async daysReached(anchors: readonly Anchor[]): Promise<ReachedDay[]> {
    const found = new Map<string, ReachedDay>()
    for (const { tenant_id, entity, anchor_day } of anchors)
      for (const day of this.#reach.get(`${tenant_id}\t${entity}\t${anchor_day}`) ?? [])
        found.set(`${tenant_id}\t${entity}\t${day}`, { tenant_id, entity, day })
    return [...found.values()].sort((a, b) => (a.day < b.day ? -1 : 1))
  }

  async buildDays({ model, generation, days }: DayBuild): Promise<void> {
    for (const tenant_id of new Set(days.map((day) => day.tenant_id)))
      this.#buildTenant(
        model,
        generation,
        tenant_id,
        days.filter((day) => day.tenant_id === tenant_id).map(({ day }) => day),
      )
  }

  #buildTenant(model: Model, generation: number, tenant_id: string, days: readonly string[]): void {
    const read = new Map<string, CoreRow[]>()
    const seen = new Map<string, bigint>()
    for (const entity of model.from) {
      const rows: CoreRow[] = []
      for (const row of this.core(entity as EntityName).winners()) {
        const { native_id, anchor_day } = row.columns
        if (row.columns['tenant_id'] !== tenant_id) continue
        seen.set(`${entity} ${native_id}`, row.version)
        if (!row.is_deleted && this.#reaches(tenant_id, entity, anchor_day!, days)) rows.push(row)
      }
      read.set(entity, rows)
    }
    const rows = factRows(model.fact, read, new Set(days))
    for (const day of days) {
      const key = `${dayKey({ fact: model.fact, tenant_id, day })} ${generation}`
      // Built twice is there twice: nothing in the table tells the copies apart.
      const before = this.#built.get(key)?.rows ?? []
      this.#built.set(key, { rows: [...before, ...rows.filter((row) => row.day === day)], seen })
    }
  }

  async publishDays(days: readonly PublishedDay[]): Promise<void> {
    this.publishedDays.insert(days.map((day) => ({ ...day, version: this.#variant.lastPublishedWins ? 0 : day.generation })))
    this.#watcher.daysPublished?.(days)
  }

  #reaches(tenant_id: string, entity: string, anchor_day: string, days: readonly string[]): boolean {
    const reached = this.#reach.get(`${tenant_id}\t${entity}\t${anchor_day}`)
    return reached !== undefined && days.some((day) => reached.has(day))
  }
}

function dayKey({ fact, tenant_id, day }: Omit<PublishedDay, 'generation'>): string {
  return `${fact} ${tenant_id} ${day}`
}

function coverageKey(row: PublishedCoverage): string {
  return `${row.tenant_id}\t${row.source_id}\t${row.entity}\t${row.covered_from}`
}

function rowKey(columns: CoreRow['columns']): string {
  return `${columns['tenant_id']}\t${columns['anchor_day']}\t${columns['source_id']}\t${columns['native_id']}`
}
