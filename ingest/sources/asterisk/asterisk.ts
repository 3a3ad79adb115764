/**
 * Asterisk's own log files as a source: queue_log, CDR and CEL, as they lie in
 * /var/log/asterisk. Each file is a stream with a checkpoint of its own.
 */
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { IANAZone } from 'luxon'
import { CallhouseError } from '../../../errors.ts'
import { readLines } from '../../file-lines.ts'
import { rotationOrder } from '../../rotation-order.ts'
import type { Source } from '../../source.ts'
import { assembleCdr } from './cdr-assembler.ts'
import { parseCdrLine } from './cdr-csv.ts'
import { isKnownCdrCustom, parseCdrCustomLine } from './cdr-custom.ts'
import { assembleCel } from './cel-assembler.ts'
import { streamBatches, type LineStream } from './line-stream.ts'
import { LocalTimes } from './local-time.ts'
import { assembleQueueLog } from './queue-log-assembler.ts'
import { rereadLine, type LineReaders } from './reread-line.ts'

export interface AsteriskOptions {
  /** The directory that has queue_log, cdr-csv/, cdr-custom/ and cel-custom/, or some of them. */
  path: string
  /** The PBX's time zone, which cdr-csv's times are in. @default UTC */
  tz?: string
  /** The same by the name it has in a source's configuration; `tz` goes before it. */
  time_zone?: string
  /** False for a backfill of logs that nobody writes any more (half a last line then counts). @default true */
  follow?: boolean
  /** Lines per batch. @default 5000 */
  batch_lines?: number
}

/** Microseconds beat whole seconds: a leg that is in both CDR files is taken from the custom one. */
const RANK_CSV = 1
const RANK_CUSTOM = 2

/** A source that reads an Asterisk's log directory. */
export function createAsteriskSource(options: AsteriskOptions): Source {
  const { path, time_zone = 'UTC', tz = time_zone, follow = true, batch_lines } = options
  if (!IANAZone.isValidZone(tz))
    throw new CallhouseError('zone_unknown', `No time zone "${tz}" (Asterisk source, tz). Use an IANA name such as Europe/Berlin.`)
  const times = new LocalTimes(tz)
  const common = { finished: !follow, batch_lines }
  const readers: LineReaders = {
    queue_log: assembleQueueLog,
    'cdr-csv': () => assembleCdr((line) => parseCdrLine(line, times), RANK_CSV),
    'cdr-custom': () => assembleCdr(parseCdrCustomLine, RANK_CUSTOM),
    cel: assembleCel,
  }
  return {
    kind: 'asterisk',
    reparse: (stored) => rereadLine(stored, readers),
    entities: ['queue_visits', 'agent_states', 'agent_events', 'call_legs', 'calls', 'call_events'],
    async *pull(context) {
      await requireDirectory(path)
      const streams: LineStream[] = []
      if (await has(path, 'queue_log')) streams.push({ ...common, name: 'queue_log', directory: path, base: 'queue_log', assemble: assembleQueueLog })
      const csv = join(path, 'cdr-csv')
      const assembleCsv = (saved?: unknown) => assembleCdr((line) => parseCdrLine(line, times), RANK_CSV, saved)
      if (await has(csv, 'Master.csv')) streams.push({ ...common, name: 'cdr-csv', directory: csv, base: 'Master.csv', assemble: assembleCsv })
      const custom = join(path, 'cdr-custom')
      const assembleCustom = (saved?: unknown) => assembleCdr(parseCdrCustomLine, RANK_CUSTOM, saved)
      for (const base of await knownCustomFiles(custom, (file) =>
        context.log.info({ file }, 'this cdr-custom file has other columns than those that are read'),
      )) {
        streams.push({ ...common, name: `cdr-custom/${base}`, directory: custom, base, assemble: assembleCustom })
      }
      const cel = join(path, 'cel-custom')
      if (await has(cel, 'Master.csv')) streams.push({ ...common, name: 'cel', directory: cel, base: 'Master.csv', assemble: assembleCel })
      if (streams.length === 0)
        context.log.warn({ path }, 'no Asterisk logs here: expected queue_log, cdr-csv/Master.csv, cdr-custom/*.csv or cel-custom/Master.csv')
      for (const stream of streams) {
        if (context.signal.aborted) return
        yield* streamBatches(stream, context)
      }
    },
  }
}

async function requireDirectory(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory() === true) return
  throw new CallhouseError(
    'source_unavailable',
    `No directory ${path} to read Asterisk's logs from. Set the source's path to the directory that has queue_log, usually /var/log/asterisk.`,
  )
}

async function filesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Whether a log or one of its predecessors is there. */
async function has(directory: string, base: string): Promise<boolean> {
  return rotationOrder(base, await filesIn(directory)).names.length > 0
}

/** The files of cdr-custom whose first row is of the known format; which files there are is the PBX's configuration. */
async function knownCustomFiles(directory: string, skipped: (file: string) => void): Promise<string[]> {
  const known: string[] = []
  for (const name of (await filesIn(directory)).filter((file) => file.endsWith('.csv')).sort()) {
    const first = await firstLine(join(directory, name))
    if (first !== undefined && isKnownCdrCustom(first)) known.push(name)
    else if (first !== undefined) skipped(name)
  }
  return known
}

async function firstLine(path: string): Promise<string | undefined> {
  const handle = await open(path, 'r')
  try {
    const { size } = await handle.stat()
    for await (const { line } of readLines(handle, { from: 0, to: Math.min(size, 65_536), finished: true })) return line
    return undefined
  } finally {
    await handle.close()
  }
}
