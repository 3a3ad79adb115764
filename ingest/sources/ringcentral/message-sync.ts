/**
 * One extension's message store by message-sync. A full sync lists newest first
 * and is followed back until nothing older exists; then changes come by token,
 * removals among them. Answers overlap by some seconds: what is known is not
 * handed on again. A token that is not taken any more means a full sync from the
 * very beginning, since full syncs go by creation and not by change.
 */
import { createHash } from 'node:crypto'
import { CallhouseError } from '../../../errors.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import { SeenVersions, type SeenEntry } from '../../seen-versions.ts'
import type { Batch, PullContext, Reject } from '../../source.ts'
import type { RingCentralApi } from './api-client.ts'
import { isTokenRefused } from './call-log-sync.ts'
import { isObject, readInput } from './json-fields.ts'
import { readMessage, withoutBody } from './message-records.ts'
import { readSyncAnswer, type SyncAnswer } from './sync-answer.ts'

const PAGE = 250
const MAX_RESTARTS = 3
/** What was changed longer ago no overlap repeats. */
const REMEMBERED_MS = 3_600_000
/** Per mailbox. */
const SEEN_LIMIT = 1000

interface MessageCheckpoint {
  format: 1
  from_ms: number
  token: string | null
  /** While a full sync goes back: messages up to then are still to be listed. */
  back_to_ms: number | null
}

type Request = { context: PullContext; api: RingCentralApi; extension: string }

export class MessageSync {
  readonly #seen = new Map<string, SeenVersions>()

  /** Ends at once, with a warning, where the credentials may not read the mailbox. */
  async *sync(context: PullContext, api: RingCentralApi, extension: string, from_ms: number): AsyncGenerator<Batch, void> {
    const stream = `messages/${extension}`
    const saved = await context.checkpoint(stream)
    let state: MessageCheckpoint = readCheckpoint(saved) ?? { format: 1, from_ms, token: null, back_to_ms: null }
    const seen = this.#memoryOf(extension)
    seen.begin(saved)
    const request = { context, api, extension }
    let restarts = 0
    for (;;) {
      const answer = await ask(request, state)
      if (answer === 'forbidden') return
      if (answer === 'refused') {
        state = restarted(context, stream, state, (restarts += 1))
        continue
      }
      const is_forced = state.token !== null && state.back_to_ms === null && answer.is_full
      const next = is_forced ? { ...state, token: null } : after(state, answer, stream)
      const { entries, ...read } = readAll(answer, seen)
      yield { stream, inputs: read.records.length + read.rejects.length, ...read, checkpoint: next }
      seen.add(entries, next)
      state = is_forced ? restarted(context, stream, next, (restarts += 1)) : next
      if (is_forced || state.back_to_ms !== null) continue
      seen.end(context.now() - REMEMBERED_MS)
      return
    }
  }

  #memoryOf(extension: string): SeenVersions {
    const known = this.#seen.get(extension) ?? new SeenVersions(SEEN_LIMIT)
    this.#seen.set(extension, known)
    return known
  }
}

async function ask({ context, api, extension }: Request, state: MessageCheckpoint): Promise<SyncAnswer | 'refused' | 'forbidden'> {
  const { token, back_to_ms, from_ms } = state
  const is_full = token === null || back_to_ms !== null
  const query = is_full
    ? {
        syncType: 'FSync',
        dateFrom: new Date(from_ms).toISOString(),
        dateTo: back_to_ms === null ? undefined : new Date(back_to_ms).toISOString(),
        recordCount: PAGE,
        messageType: ['SMS', 'Text', 'Pager', 'VoiceMail'],
      }
    : { syncType: 'ISync', syncToken: token }
  try {
    return await api(context, { group: 'light', path: `/restapi/v1.0/account/~/extension/${extension}/message-sync`, query }, readSyncAnswer)
  } catch (thrown) {
    const status = thrown instanceof CallhouseError && thrown.code === 'source_rejected' ? thrown.details?.['status'] : undefined
    // Gone since the extensions were listed, or not for these credentials.
    if (status === 403 || (status === 404 && is_full)) {
      context.log.warn({ extension, status }, 'the message store of this extension may not be read, it is left out')
      return 'forbidden'
    }
    if (!is_full && isTokenRefused(thrown)) return 'refused'
    throw thrown
  }
}

/** Where to go on: further back in a full sync, else by token. The token of a full sync's first answer counts: changes since then are to come. */
function after(state: MessageCheckpoint, answer: SyncAnswer, stream: string): MessageCheckpoint {
  const token = state.back_to_ms === null ? answer.token : state.token
  if (!answer.is_full || !answer.has_older) return { ...state, token, back_to_ms: null }
  const oldest_ms = oldestOf(answer)
  if (oldest_ms === undefined || oldest_ms >= (state.back_to_ms ?? Infinity))
    throw new CallhouseError(
      'source_garbled',
      `The full sync of ${stream} does not move on: there are older messages, but none is listed. The next pull tries again; if it goes on, show RingCentral's support this message.`,
    )
  return { ...state, token, back_to_ms: oldest_ms }
}

function oldestOf({ items }: SyncAnswer): number | undefined {
  const times = items.flatMap((item) => {
    const ms = isObject(item) && typeof item['creationTime'] === 'string' ? Date.parse(item['creationTime']) : NaN
    return Number.isNaN(ms) ? [] : [ms]
  })
  return times.length === 0 ? undefined : Math.min(...times)
}

function restarted(context: PullContext, stream: string, state: MessageCheckpoint, restarts: number): MessageCheckpoint {
  if (restarts > MAX_RESTARTS)
    throw new CallhouseError('source_garbled', `RingCentral takes none of its own sync tokens for ${stream}. Show its support this message.`)
  context.log.warn({ stream }, 'the sync token is not taken any more: a full sync')
  return { ...state, token: null, back_to_ms: null }
}

function readAll({ items, texts }: SyncAnswer, seen: SeenVersions): { records: CanonicalRecord[]; rejects: Reject[]; entries: SeenEntry[] } {
  const records: CanonicalRecord[] = []
  const rejects: Reject[] = []
  const entries: SeenEntry[] = []
  for (const [n, item] of items.entries()) {
    const payload = withoutBody(texts[n]!)
    const read = readInput('messages', payload, () => readMessage(item, payload))
    const { id, version } =
      'reject' in read
        ? { id: read.reject.position, version: 0 }
        : { id: read.records[0]!.record.native_id, version: read.records[0]!.record.version }
    const entry = { id, version, print: createHash('sha1').update(payload).digest('base64') }
    const is_known = seen.has(entry)
    entries.push(entry)
    if (is_known) continue
    if ('reject' in read) rejects.push(read.reject)
    else records.push(...read.records)
  }
  return { records, rejects, entries }
}

function readCheckpoint(saved: unknown): MessageCheckpoint | undefined {
  if (!isObject(saved) || saved['format'] !== 1 || typeof saved['from_ms'] !== 'number') return undefined
  const token = typeof saved['token'] === 'string' ? saved['token'] : null
  const back_to_ms = typeof saved['back_to_ms'] === 'number' ? saved['back_to_ms'] : null
  return { format: 1, from_ms: saved['from_ms'], token, back_to_ms: token === null ? null : back_to_ms }
}
