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

export interface Source {
  readonly kind: string
  readonly entities: readonly EntityName[]
  /**
   * One pass from the checkpoints to now. The generator is resumed only after
   * the batch it yielded is durable and its checkpoint saved.
   */
  pull(context: PullContext): AsyncIterable<Batch>
}
