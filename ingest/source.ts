/**
 * What a source is: a transport and a parser that together turn a phone
 * system's data into batches of canonical records and rejects.
 */
import type { EncodedBatch } from './encode-batch.ts'
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

/** A range of a numbered log, such as a partition: from `from` to before `next`, which is where it is read on from. */
export interface Position {
  stream: string
  from: number
  next: number
  /** Tells the entry before `next` from another in its place. */
  fingerprint: number
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
  /** In place of records and rejects: what the source has encoded as it read, to hold bytes and no objects. */
  encoded?: EncodedBatch
  /** Of an encoded batch: the time its rows carry. */
  observed_at?: string
  /** The batch was cut once before, the same inputs and the same time: what is stored of it is not written again. */
  is_repeated?: boolean
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
  /** Told every few seconds how many messages wait in each partition of a topic. */
  onLag?: ((lag: readonly PartitionLag[]) => void) | undefined
}

export interface PartitionLag {
  topic: string
  partition: number
  /** Messages in the partition that are not loaded. */
  records: number
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

/** A webhook or an upload, as it came. */
export interface PushRequest {
  method: string
  /** As the sender addressed it, query and all: signatures are made of it. */
  url: string
  /** Names in lower case. */
  headers: Readonly<Record<string, string | undefined>>
  body: Buffer
}

/** What was pushed: accepted + rejected = inputs. */
export interface Pushed {
  inputs: number
  records: CanonicalRecord[]
  rejects: Reject[]
  /** What the sender expects to read, once everything is durable. @default 204 without a body */
  answer?: { status: number; type: string; body: string; headers?: Readonly<Record<string, string>> }
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
  /** Takes what its system sends by itself. Throws signature_invalid where the sender is not who it says; then nothing is kept. */
  receive?(request: PushRequest, context: Pick<PullContext, 'now' | 'log'>): Pushed | Promise<Pushed>
  /** True where `receive` takes nothing from a sender that does not prove who it is: its webhooks then need no API key. */
  readonly verifies_sender?: boolean
  /** Tries the credentials with one cheap request, and says whose account it is. Throws source_rejected. */
  check?(context: PullContext): Promise<{ account: string }>
  /** What the source itself counts, for `callhouse reconcile`; undefined for what it gives no totals of. `to_ms` is not included. */
  totals?(context: PullContext, range: { entity: EntityName; from_ms: number; to_ms: number }): Promise<Totals | undefined>
}
