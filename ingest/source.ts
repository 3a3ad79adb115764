/**
 * What a source is: a transport and a parser that together turn a phone
 * system's data into batches of canonical records and rejects.
 */
import type { CanonicalRecord, EntityName } from './records/index.ts'

/** Why an input was not understood. */
export const rejectCodes = [
  'not_json',
  'not_utf8',
  'too_few_fields',
  'too_long',
  'unknown_event',
  'unknown_entity',
  'field_invalid',
  'identity_missing',
  'unmatched',
] as const
export type RejectCode = (typeof rejectCodes)[number]

/** An input that was not understood; it becomes a dead letter. */
export interface Reject {
  /** Where the input stands: unique per input of a source, and the same when it is read again. */
  position: string
  entity?: string
  code: RejectCode
  reason: string
  payload: string
}

/** Everything the source has of an entity for a stretch of time has been delivered. */
export interface Coverage {
  entity: EntityName
  from_ms: number
  to_ms: number
}

/** Where a numbered log, such as a partition, is read on from. */
export interface Position {
  stream: string
  next: number
}

/** What is loaded in one go. */
export interface Batch {
  /** Names the checkpoint; a source may have several streams under way. */
  stream: string
  /** Lines, messages or items read; accepted + rejected = inputs. */
  inputs: number
  /** May be more or fewer than the inputs: a line can complete a visit, or only begin one. */
  records: CanonicalRecord[]
  rejects: Reject[]
  /** Where to go on from, as JSON; saved only after the rows are durable. */
  checkpoint: unknown
  /** For a batch out of numbered logs, in the checkpoint's place: saved together, and only ever moved forward. */
  positions?: readonly Position[]
  coverage?: Coverage[]
  /** How far this pass has come, for a progress bar. */
  progress?: { done: number; total: number }
}

export interface Log {
  debug(details: object, message: string): void
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

/** What a source is given; clock, waiting and network are injected so that tests own them. */
export interface PullContext {
  tenant_id: string
  source_id: string
  checkpoint(stream: string): Promise<unknown>
  now(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  fetch: typeof fetch
  signal: AbortSignal
  log: Log
}

/** An input as it was stored: a record's payload, or a dead letter's. */
export interface StoredInput {
  /** Of a dead letter it may be empty: some inputs do not say what they are. */
  entity: string
  payload: string
  /** Of a record only: its identity, and the source's own version. */
  native_id?: string
  anchor_day?: string
  version?: number
  /** Of a dead letter only. */
  position?: string
  code?: RejectCode
  reason?: string
}

/** What today's parser makes of a stored input; neither records nor rejects when it cannot be read without its neighbours. */
export interface Reparsed {
  records: CanonicalRecord[]
  rejects: Pick<Reject, 'code' | 'reason'>[]
}

/** A source's own count, and a sum of one of the entity's numbers, over the records it created in a stretch of time. */
export interface Totals {
  count: number
  /** The number that is summed, such as duration_ms; empty when the entity has none. */
  field: string
  sum: number
}

export interface Source {
  readonly kind: string
  readonly entities: readonly EntityName[]
  /**
   * One pass from the checkpoints to now. The generator is resumed only after
   * the batch it yielded is durable and its checkpoint saved.
   */
  pull(context: PullContext): AsyncIterable<Batch>
  /** Reads a stored input again, for `callhouse replay`. A source without it cannot be replayed. */
  reparse?(stored: StoredInput): Reparsed
  /** What the source itself counts, for `callhouse reconcile`; undefined for what it gives no totals of. `to_ms` is not included. */
  totals?(context: PullContext, range: { entity: EntityName; from_ms: number; to_ms: number }): Promise<Totals | undefined>
}
