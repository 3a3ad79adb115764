/**
 * Where the loader puts what it has encoded: the warehouse in production
 * (warehouse-record-store.ts), memory in the simulation. Whatever a call was
 * given is durable when it returns; a call that fails may have happened or not.
 */
import type { EntityName } from './records/index.ts'

/** Whose records. */
export interface LoadTarget {
  tenant_id: string
  source_id: string
}

export interface DeadLetterRow extends LoadTarget {
  position: string
  entity: string
  code: string
  reason: string
  received_at: string
  version: number
  is_deleted: 0 | 1
  payload: string
}

/** Records anchored on `anchor_day` have counted on `day`. */
export interface ReachRow {
  tenant_id: string
  entity: string
  anchor_day: string
  day: string
}

/** Records anchored on `anchor_day` have changed. */
export interface MarkRow {
  tenant_id: string
  entity: string
  anchor_day: string
  mark_id: string
  is_done: 0 | 1
  marked_at: string
}

export interface CoverageRow extends LoadTarget {
  entity: string
  covered_from: string
  covered_to: string
  version: number
}

/** Rows of one core table: TSV lines, a column after the other as the table has them. */
export interface RowBlock {
  tsv: Buffer
  rows: number
}

export interface RecordStore {
  /** Entities for which a source has said anything of its coverage. */
  coveredEntities(target: LoadTarget): Promise<ReadonlySet<string>>
  addDeadLetters(rows: readonly DeadLetterRow[]): Promise<void>
  addReach(rows: readonly ReachRow[]): Promise<void>
  addRows(entity: EntityName, block: RowBlock): Promise<void>
  /** Whether exactly this block, whose rows all carry that time, is stored; a store that cannot tell says no. */
  holdsRows(entity: EntityName, block: RowBlock, of: LoadTarget & { observed_at: string }): Promise<boolean>
  addMarks(rows: readonly MarkRow[]): Promise<void>
  addCoverage(rows: readonly CoverageRow[]): Promise<void>
}
