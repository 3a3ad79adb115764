/** Reads one log of a directory to its end in batches: lines in, records and rejects out, and a checkpoint after each batch. */
import { FileTail, type TailCursor, type TailLine } from '../../file-tail.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import type { Batch, Coverage, PullContext, Reject } from '../../source.ts'
import type { Assembler, Refusal } from './assembler.ts'

export interface LineStream {
  /** The checkpoint's key. */
  name: string
  directory: string
  /** The file's name; its rotated predecessors are found by it. */
  base: string
  /** True for a backfill: the log is over, or taken as it stands. */
  finished: boolean
  /** Lines per batch. @default 5000 */
  batch_lines?: number
  /** How the lines become records; `saved` is the assembler's own state from a checkpoint. */
  assemble: (saved?: unknown) => Assembler
}

interface Checkpoint {
  cursor: TailCursor
  state: unknown
  /** The end of the coverage that was last delivered, epoch ms. */
  covered_to: number | null
}

const HOUR_MS = 3_600_000

/** One pass over a log, from its checkpoint to its end as it is now. */
export async function* streamBatches(stream: LineStream, context: PullContext): AsyncGenerator<Batch> {
  const saved = (await context.checkpoint(stream.name)) as Checkpoint | undefined
  const warn = (details: object, message: string): void => context.log.warn({ stream: stream.name, ...details }, message)
  const tail = await FileTail.open(stream.directory, stream.base, { cursor: saved?.cursor, finished: stream.finished, warn })
  try {
    let assembler = stream.assemble(saved?.state)
    let covered_to = saved?.covered_to ?? null
    let inputs = 0
    let read = 0
    let rejects: Reject[] = []
    let carried: CanonicalRecord[] = []
    const batch = (): Batch => {
      const checkpoint = structuredClone({ cursor: tail.cursor, state: assembler.state(), covered_to } satisfies Checkpoint)
      const progress = { done: tail.done_bytes, total: tail.total_bytes }
      const full: Batch = { stream: stream.name, inputs, records: [...carried, ...assembler.drain()], rejects, checkpoint, progress }
      read += inputs
      inputs = 0
      rejects = []
      carried = []
      return full
    }
    for await (const line of tail.lines()) {
      // What is read again from its beginning must not meet the calls its first reading left open.
      if (line.restarted) {
        carried.push(...assembler.drain())
        assembler = stream.assemble()
      }
      const refusal = line.problem === undefined ? assembler.take(line.line) : problems[line.problem]
      if (refusal !== undefined) rejects.push(rejectOf(stream.name, line, refusal))
      inputs += 1
      if (inputs < (stream.batch_lines ?? 5000)) continue
      yield batch()
      if (context.signal.aborted) return
    }
    const coverage = coverageOf(assembler, stream.finished)
    const end_ms = coverage[0]?.to_ms ?? null
    if (read + inputs === 0 && end_ms === covered_to) return
    covered_to = end_ms
    const followed = assembler.atEnd(stream.finished)
    const last = batch()
    yield { ...last, records: [...last.records, ...followed], coverage }
  } finally {
    await tail.close()
  }
}

/** All a log's entities are covered for the time it speaks of; a finished one for the whole of its first and last hour. */
function coverageOf(assembler: Assembler, finished: boolean): Coverage[] {
  const span = assembler.span()
  if (span === undefined) return []
  const from_ms = Math.floor((span.first_s * 1000) / HOUR_MS) * HOUR_MS
  const last_ms = span.last_s * 1000
  const to_ms = finished ? (Math.floor(last_ms / HOUR_MS) + 1) * HOUR_MS : last_ms
  return assembler.entities.map((entity) => ({ entity, from_ms, to_ms }))
}

const problems: Record<NonNullable<TailLine['problem']>, Refusal> = {
  not_utf8: { code: 'not_utf8', reason: 'the line is not UTF-8; the payload shows its bytes as Latin-1' },
  too_long: { code: 'too_long', reason: 'the line is longer than 1 MiB; the payload is its first kilobyte' },
}

function rejectOf(stream: string, line: TailLine, refusal: Refusal): Reject {
  return { position: `${stream}/${line.file}/${line.offset}`, ...refusal, payload: line.line }
}
