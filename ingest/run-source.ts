/**
 * Drives one source: pull a batch, make it durable, save its checkpoint, ask
 * for the next. Passes repeat after the poll interval until the signal aborts.
 */
import { randomUUID } from 'node:crypto'
import { CallhouseError, messageOf } from '../errors.ts'
import type { Loader, LoadResult } from './loader.ts'
import type { Batch, Log, PullContext, Source } from './source.ts'
import type { SourceState } from './source-state.ts'

export interface SourceRun {
  source: Source
  tenant_id: string
  source_id: string
  state: SourceState
  loader: Loader
  log: Log
  signal: AbortSignal
  /** Clock, waiting, network and names; the real ones unless a test gives others. */
  now?: () => number
  newId?: () => string
  sleep?: PullContext['sleep']
  fetch?: typeof fetch
  /** Told after every batch, once it is durable and its checkpoint saved. */
  onBatch?: (batch: Batch, result: LoadResult) => void
  /** Told how far behind its partitions a Kafka source is. */
  onLag?: PullContext['onLag']
  /** Called between the claim of a batch's ranges and its load; crash drills stop here. */
  afterClaim?: () => void | Promise<void>
  /** Called between the rows' being durable and the checkpoint; crash drills stop here. */
  beforeCheckpoint?: () => void | Promise<void>
  /** Waited for before a pass and before every batch: where it waits, the source is not resumed, so nothing piles up. */
  admit?: (signal: AbortSignal) => Promise<void>
}

const LONGEST_RETRY_MS = 300_000

/** What one pass read; accepted + rejected = inputs. */
export interface PassTotals {
  inputs: number
  accepted: number
  rejected: number
  rows: number
}

/**
 * One pass over everything new at the source. Its run is recorded in the control
 * plane whether it succeeds or not; the error is thrown on.
 */
export async function runPass(run: SourceRun): Promise<PassTotals> {
  const { state, source } = run
  const totals: PassTotals = { inputs: 0, accepted: 0, rejected: 0, rows: 0 }
  await run.admit?.(run.signal)
  if (run.signal.aborted) return totals
  const run_id = await state.startPass(source.kind)
  try {
    for await (const batch of source.pull(contextOf(run))) {
      await run.admit?.(run.signal)
      // Stopped while it waited: the batch is not loaded, and is delivered again.
      if (run.admit && run.signal.aborted) break
      await loadBatch(run, batch, totals)
      if (run.signal.aborted) break
    }
  } catch (thrown) {
    const stopped = run.signal.aborted
    await state.finishPass(run_id, { ...counts(totals), status: stopped ? 'stopped' : 'failed', error: stopped ? undefined : messageOf(thrown) })
    if (stopped) return totals
    throw thrown
  }
  await state.finishPass(run_id, { ...counts(totals), status: run.signal.aborted ? 'stopped' : 'succeeded' })
  return totals
}

/**
 * Passes until the signal aborts, `pause_ms()` apart. A failed pass is logged
 * and tried again, further and further apart, up to five minutes.
 */
export async function runForever(
  run: SourceRun,
  options: { pause_ms: () => number; onPass?: (totals: PassTotals) => void; onFailure?: (code: string, failures: number) => void },
): Promise<void> {
  const sleep = run.sleep ?? realSleep
  let failures = 0
  while (!run.signal.aborted) {
    try {
      const totals = await runPass(run)
      failures = 0
      options.onPass?.(totals)
    } catch (thrown) {
      failures += 1
      const code = thrown instanceof CallhouseError ? thrown.code : 'internal'
      options.onFailure?.(code, failures)
      run.log.error({ source_id: run.source_id, code, failures, reason: messageOf(thrown) }, 'pull failed; nothing is lost, it is tried again')
    }
    const pause_ms = options.pause_ms()
    await sleep(Math.min(pause_ms * 2 ** failures, Math.max(pause_ms, LONGEST_RETRY_MS)), run.signal)
  }
}

async function loadBatch(run: SourceRun, batch: Batch, totals: PassTotals): Promise<void> {
  const { state, tenant_id, source_id } = run
  if (batch.positions) {
    await state.claim(batch.positions, { batch: (run.newId ?? randomUUID)(), observed_at: batch.observed_at ?? '' })
    await run.afterClaim?.()
  }
  const result = await run.loader.load(batch, { tenant_id, source_id })
  await run.beforeCheckpoint?.()
  if (batch.positions) await state.advance(batch.positions)
  else await state.saveCheckpoint(batch.stream, batch.checkpoint)
  totals.inputs += batch.inputs
  totals.accepted += result.accepted
  totals.rejected += result.rejected
  totals.rows += result.rows
  run.onBatch?.(batch, result)
}

/** What a source is given in this run. */
export function contextOf(run: SourceRun): PullContext {
  const { state, tenant_id, source_id } = run
  return {
    tenant_id,
    source_id,
    checkpoint: (stream) => state.checkpoint(stream),
    now: run.now ?? Date.now,
    sleep: run.sleep ?? realSleep,
    fetch: run.fetch ?? fetch,
    signal: run.signal,
    log: run.log,
    onLag: run.onLag,
  }
}

function counts({ inputs, accepted, rejected }: PassTotals): Omit<PassTotals, 'rows'> {
  return { inputs, accepted, rejected }
}

/** Waits, or returns at once when the signal aborts. */
export function realSleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done, { once: true })
  })
}
