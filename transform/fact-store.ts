/**
 * What a refresh needs of the place where records and facts are stored: the
 * warehouse in production (warehouse-fact-store.ts), memory in the simulation.
 * What a call was given is durable when it returns; a call that fails may have
 * happened or not.
 */
import type { Model } from './load-models.ts'

/** "Records anchored on this day changed": the loader leaves them, a refresh settles them. */
export interface Mark {
  tenant_id: string
  entity: string
  anchor_day: string
  mark_id: string
  marked_at: string
}

/** A stretch of time of which a source has delivered everything. */
export interface CoverageRow {
  tenant_id: string
  source_id: string
  entity: string
  covered_from: string
  covered_to: string
  version: string | number
}

export interface TenantDay {
  tenant_id: string
  day: string
}

/** Records of one kind that are anchored on one day. */
export interface Anchor {
  tenant_id: string
  entity: string
  anchor_day: string
}

/** A day that records of this kind have counted on. */
export interface ReachedDay extends TenantDay {
  entity: string
}

/** Days of one model, to be computed under a generation. */
export interface DayBuild {
  model: Model
  generation: number
  days: readonly TenantDay[]
}

/** From now on, readers of this day see that generation. */
export interface PublishedDay {
  fact: string
  tenant_id: string
  day: string
  generation: number
}

export interface FactStore {
  /** Every mark not settled yet. */
  unsettledMarks(): Promise<Mark[]>
  /** Settles exactly these; a mark that came later stays, whatever day it names. */
  settleMarks(marks: readonly Mark[]): Promise<void>
  /** What sources have covered and the facts are not known to hold yet. */
  unpublishedCoverage(): Promise<CoverageRow[]>
  /** Says that the facts hold it now. */
  publishCoverage(rows: readonly CoverageRow[]): Promise<void>
  /** Every day that records with these anchors have ever counted on. */
  daysReached(anchors: readonly Anchor[]): Promise<ReachedDay[]>
  /** Computes the days beside the published ones; nobody sees them yet. */
  buildDays(build: DayBuild): Promise<void>
  /** Readers see all of these at once, emptied days included. Of two generations of a day the later one counts. */
  publishDays(days: readonly PublishedDay[]): Promise<void>
}

/** Numbers that only go up, over all processes and restarts. */
export interface Generations {
  next(): Promise<number>
  /** The one handed out last, by anyone. */
  latest(): Promise<number | undefined>
}
