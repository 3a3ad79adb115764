/**
 * The account's call log by call-log-extract-sync: records by when they were
 * changed. A full sync names a time, an incremental one the token of the answer
 * before it. Where the server does not take a token any more, or answers with a
 * full sync, the next request is a full sync from before the last time that
 * everything was in: some records come twice, none is missed.
 */
import { CallhouseError } from '../../../errors.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import type { Batch, PullContext, Reject } from '../../source.ts'
import type { RingCentralApi } from './api-client.ts'
import type { CallMemory } from './call-memory.ts'
import { readCallRecord } from './call-records.ts'
import { isObject, readInput } from './json-fields.ts'
import { readSyncAnswer, type SyncAnswer } from './sync-answer.ts'

export const CALL_STREAM = 'call_log'

/** The most a full sync gives at once. */
const PAGE = 1000
/** Read again by a full sync that replaces a token, and left out of the coverage: records appear up to half a minute after their call. */
const LOOK_BACK_MS = 5 * 60_000
const SETTLING_MS = 60_000
/** Full syncs in one pull that did not get to an end, before the server is called broken. */
const MAX_RESTARTS = 3

interface CallCheckpoint {
  format: 1
  /** What the first full sync asked for: the start of the coverage. */
  from_ms: number
  token: string | null
  /** Everything changed before this is in; null until a sync has come to its end. */
  complete_ms: number | null
  calls: unknown
}

export interface CallSync {
  api: RingCentralApi
  memory: CallMemory
  history_from_ms: (now_ms: number) => number
  currency: string | undefined
}

export async function* syncCalls(context: PullContext, sync: CallSync): AsyncGenerator<Batch, void> {
  let state = readCheckpoint(await context.checkpoint(CALL_STREAM)) ?? startOf(sync.history_from_ms(context.now()))
  sync.memory.restore(state.calls)
  if (state.complete_ms !== null && state.complete_ms > context.now() + LOOK_BACK_MS) {
    // What changed meanwhile is unknown.
    context.log.warn({ stream: CALL_STREAM }, 'the checkpoint is in the future: everything is read again')
    state = startOf(Math.min(state.from_ms, sync.history_from_ms(context.now())))
  }
  let restarts = 0
  for (;;) {
    const asked = state.token
    const answer = await ask(context, sync, state)
    if (answer === 'refused') {
      state = restart(context, state, 'the sync token was refused', (restarts += 1))
      continue
    }
    const is_forced = asked !== null && answer.is_full
    const is_circle = answer.has_newer && answer.token === asked
    const is_end = !answer.has_newer && !is_forced
    const complete_ms = is_end ? (answer.time_ms ?? context.now()) : state.complete_ms
    state = { ...state, token: is_forced ? null : answer.token, complete_ms }
    const read = readAll(answer, sync)
    const checkpoint: CallCheckpoint = { ...state, calls: sync.memory.toJSON() }
    yield { stream: CALL_STREAM, inputs: answer.items.length, ...read, checkpoint, ...(is_end && { coverage: coverageOf(state, complete_ms!) }) }
    if (is_end) return
    if (is_circle) state = restart(context, state, 'an answer gave the token it was asked with', (restarts += 1))
    if (is_forced) state = restart(context, state, 'the server asked for a full sync', (restarts += 1))
  }
}

async function ask(context: PullContext, { api }: CallSync, { token, complete_ms, from_ms }: CallCheckpoint): Promise<SyncAnswer | 'refused'> {
  const since_ms = complete_ms === null ? from_ms : complete_ms - LOOK_BACK_MS
  const query =
    token === null
      ? { syncType: 'FSync', dateFrom: new Date(since_ms).toISOString(), recordCount: PAGE, view: 'Detailed' }
      : { syncType: 'ISync', syncToken: token, view: 'Detailed' }
  try {
    return await api(context, { group: 'heavy', path: '/restapi/v1.0/account/~/call-log-extract-sync', query }, readSyncAnswer)
  } catch (thrown) {
    if (token !== null && isTokenRefused(thrown)) return 'refused'
    throw thrown
  }
}

/** Also how the server says that the number of records is exceeded. */
export function isTokenRefused(thrown: unknown): boolean {
  const status = thrown instanceof CallhouseError && thrown.code === 'source_rejected' ? thrown.details?.['status'] : undefined
  return status === 400 || status === 404 || status === 409 || status === 410 || status === 422
}

function restart(context: PullContext, state: CallCheckpoint, reason: string, restarts: number): CallCheckpoint {
  if (restarts > MAX_RESTARTS)
    throw new CallhouseError(
      'source_garbled',
      `The call log's sync does not move on: ${reason}, ${restarts} times in one pull. The next pull tries again; if it goes on, show RingCentral's support this message.`,
    )
  context.log.warn({ stream: CALL_STREAM, reason }, 'reading again from the last complete sync')
  return { ...state, token: null }
}

function readAll({ items, texts }: SyncAnswer, { memory, currency }: CallSync): { records: CanonicalRecord[]; rejects: Reject[] } {
  const records: CanonicalRecord[] = []
  const rejects: Reject[] = []
  for (const [n, item] of items.entries()) {
    const payload = texts[n]!
    const read = readInput('calls', payload, () => readCallRecord(item, payload, currency))
    if ('reject' in read) rejects.push(read.reject)
    else records.push(...memory.join(read.part, payload, currency), ...read.records)
  }
  return { records, rejects }
}

function coverageOf({ from_ms }: CallCheckpoint, complete_ms: number): Batch['coverage'] {
  const to_ms = complete_ms - SETTLING_MS
  if (to_ms <= from_ms) return []
  return (['calls', 'call_legs', 'call_segments', 'recordings'] as const).map((entity) => ({ entity, from_ms, to_ms }))
}

function startOf(from_ms: number): CallCheckpoint {
  return { format: 1, from_ms, token: null, complete_ms: null, calls: [] }
}

/** Undefined for anything that is not one: reading again is harmless, guessing is not. */
function readCheckpoint(saved: unknown): CallCheckpoint | undefined {
  if (!isObject(saved) || saved['format'] !== 1 || typeof saved['from_ms'] !== 'number') return undefined
  const token = typeof saved['token'] === 'string' ? saved['token'] : null
  const complete_ms = typeof saved['complete_ms'] === 'number' ? saved['complete_ms'] : null
  return { format: 1, from_ms: saved['from_ms'], token, complete_ms, calls: saved['calls'] }
}
