/**
 * One pass over one stream of a REST API that lists changes by update time.
 *
 * A pass begins `look_back_ms` before the last high water, and the high water
 * it leaves behind is the server's time when the listing caught up with it, less
 * `settling_lag_ms`, so that what the server commits late is still seen. What a look-back lists again unchanged
 * is not an input: it is neither counted nor handed on.
 */
import type { EntityName } from './records/index.ts'
import { prefetch } from './prefetch.ts'
import { restPages, type PageRequest, type PulledPage, type RestPage } from './rest-pages.ts'
import { type SeenVersions, type SeenEntry } from './seen-versions.ts'
import type { Batch, PullContext, Reject } from './source.ts'
import { readCheckpoint, startCheckpoint, type PassState, type StreamCheckpoint } from './stream-checkpoint.ts'
import { createHash } from 'node:crypto'
import type { CanonicalRecord } from './records/index.ts'

export interface RestStream {
  /** Names the checkpoint. */
  name: string
  entity: EntityName
  /** The first pass asks for changes since then; null asks for all there are. */
  first_since_ms: number | null
  /** From when on the source has anything: the start of the coverage. */
  history_from_ms: number
  fetchPage(request: PageRequest, signal: AbortSignal): Promise<RestPage>
  /** Lives as long as the source, not the pass. */
  seen: SeenVersions
}

export interface RestPullOptions {
  /** How long after its update time a change may still turn up. @default 5 s */
  settling_lag_ms?: number
  /** How much of the time before the high water every pass lists again. @default 60 s */
  look_back_ms?: number
  /** Pages read ahead while a batch is loaded; what has arrived by then makes the next batch. @default 8 */
  pages_ahead?: number
  /** Reading ahead pauses at this. @default 8 MiB */
  bytes_ahead?: number
  /** Told how many items each batch is about to add. */
  onRead?: (items: number) => Batch['progress']
}

/**
 * The pass as batches. A batch's checkpoint says where to go on: within the
 * pass by cursor, or by the last update time handed on when the cursor has
 * expired; after it from the high water. The last batch carries the coverage.
 */
export async function* pullRestStream(context: PullContext, stream: RestStream, options: RestPullOptions = {}): AsyncGenerator<Batch, void> {
  const settling_lag_ms = options.settling_lag_ms ?? 5_000
  const look_back_ms = options.look_back_ms ?? 60_000
  const saved = await context.checkpoint(stream.name)
  const checkpoint = readCheckpoint(saved)
  stream.seen.begin(saved)

  const stop = new AbortController()
  const leave = (): void => stop.abort()
  context.signal.addEventListener('abort', leave)
  if (context.signal.aborted) leave()
  try {
    const pass = checkpoint.pass ?? newPass(checkpoint, stream, look_back_ms)
    const pages = restPages(pass, (request) => stream.fetchPage(request, stop.signal), context.log, stream.name, settling_lag_ms + look_back_ms)
    const bounds = {
      max_items: options.pages_ahead ?? 8,
      max_bytes: options.bytes_ahead ?? 8 * 1024 * 1024,
      bytesOf: (page: PulledPage) => page.bytes,
    }
    let window_from_ms: number | undefined
    for await (const arrived of prefetch(pages, bounds, leave)) {
      const last = arrived.at(-1)!
      window_from_ms ??= arrived[0]!.as_of_ms - settling_lag_ms - look_back_ms
      const fresh = withoutSeen(arrived, window_from_ms, stream.seen)
      const is_end = last.next_cursor === null
      const next: StreamCheckpoint = is_end ? endOfPass(context, stream, pass, last, settling_lag_ms) : { ...checkpoint, pass: last.after }
      const progress = options.onRead?.(arrived.reduce((sum, page) => sum + page.records.length + page.rejects.length, 0))
      yield {
        stream: stream.name,
        inputs: fresh.records.length + fresh.rejects.length,
        records: fresh.records,
        rejects: fresh.rejects,
        checkpoint: next,
        ...(next.pass === null &&
          next.high_water_ms !== null && { coverage: [{ entity: stream.entity, from_ms: stream.history_from_ms, to_ms: next.high_water_ms }] }),
        ...(progress && { progress }),
      }
      stream.seen.add(fresh.entries, next)
      if (is_end && next.high_water_ms !== null) stream.seen.end(next.high_water_ms - look_back_ms)
    }
  } finally {
    context.signal.removeEventListener('abort', leave)
  }
}

function newPass(checkpoint: StreamCheckpoint, stream: RestStream, look_back_ms: number): PassState {
  const since_ms = checkpoint.high_water_ms === null ? stream.first_since_ms : checkpoint.high_water_ms - look_back_ms
  return { since_ms, cursor: null, floor_ms: null, read: 0, listed_at_ms: null, caught_up_ms: null }
}

function endOfPass(context: PullContext, stream: RestStream, pass: PassState, last: PulledPage, settling_lag_ms: number): StreamCheckpoint {
  const { as_of_ms, after } = last
  if (pass.since_ms !== null && pass.since_ms !== stream.first_since_ms && as_of_ms < pass.since_ms) {
    // The checkpoint came from a clock in the future; what changed meanwhile is unknown.
    context.log.warn({ stream: stream.name }, "the checkpoint is later than the server's clock: the next pull lists everything again")
    return startCheckpoint
  }
  return { format: 1, high_water_ms: (after.caught_up_ms ?? as_of_ms) - settling_lag_ms, pass: null }
}

/** What of the pages is not known to be loaded, and what to remember of the look-back window once it is. */
function withoutSeen(
  pages: readonly RestPage[],
  window_from_ms: number,
  seen: SeenVersions,
): { records: CanonicalRecord[]; rejects: Reject[]; entries: SeenEntry[] } {
  const entries: SeenEntry[] = []
  const isNew = (entry: SeenEntry): boolean => {
    entries.push(entry)
    return !seen.has(entry)
  }
  const records: CanonicalRecord[] = []
  const rejects: Reject[] = []
  for (const page of pages) {
    for (const item of page.records) if (item.record.version < window_from_ms || isNew(entryOf(item))) records.push(item)
    for (const reject of page.rejects)
      if (isNew({ id: `reject ${reject.position}`, version: page.as_of_ms, print: reject.code })) rejects.push(reject)
  }
  return { records, rejects, entries }
}

function entryOf({ record }: CanonicalRecord): SeenEntry {
  const print = `${record.version} ${createHash('sha1')
    .update(record.payload ?? '')
    .digest('base64')}`
  return { id: record.native_id, version: record.version, print }
}
