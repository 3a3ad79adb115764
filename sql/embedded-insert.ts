/** How an INSERT with data reaches the embedded engine: as raw bytes, or through a file. */
import { CallhouseError } from '../errors.ts'
import type { EmbeddedEngine, RawInsertFormat, StatementOptions } from './embedded-engine.ts'
import { bodyFile, gatherBody, type Chunk } from './insert-body.ts'
import type { StatementShape } from './statement.ts'
import { quote } from './warehouse-settings.ts'

/**
 * Beyond this a file costs less: the engine took 4.5 µs of CPU per call out of
 * one and 7.8 µs out of memory (16,000 rows of 480 bytes at a time).
 */
const MOST_RAW_BYTES = 128 * 1024

/** The formats the engine takes from memory; the others go through a file. */
const rawFormats = new Set<string>([
  'JSONEachRow',
  'JSONCompactEachRow',
  'CSV',
  'CSVWithNames',
  'TSV',
  'TabSeparated',
  'TSVWithNames',
  'TabSeparatedWithNames',
] satisfies RawInsertFormat[])

const SIMPLE_TARGET = /^\s*INSERT\s+INTO\s+(?:TABLE\s+)?(\w+(?:\.\w+)?)\s*(?:\(([\w\s,]+)\)\s*)?$/i

export interface Written {
  written_rows?: number
  written_bytes?: number
  elapsed?: number
}

/** Runs an INSERT whose data stands in the statement, in `values`, or in both. */
export async function runInsert(
  engine: EmbeddedEngine,
  sql: string,
  shape: StatementShape,
  values: string | AsyncIterable<Chunk> | undefined,
  options: StatementOptions,
): Promise<Written> {
  const body = await gatherBody(values ?? '', { directory: engine.temporary })
  if (shape.infile_at === undefined || !shape.format) {
    // INSERT … VALUES, or a SELECT with stray data: the engine decides.
    if ('file' in body) throw await tooLarge(body, 'Name a format: INSERT … FORMAT Values.')
    const text = body.bytes.toString()
    const result = await engine.run(text === '' ? sql : `${sql}\n${text}`, options)
    return { elapsed: result.elapsed }
  }
  const { name: format, at, ends_at } = shape.format
  const inline = sql.slice(ends_at).replace(/^[ \t]*\r?\n?/, '')
  if ('file' in body && inline.trim() !== '') throw await tooLarge(body, 'Send all of the data as the body, none of it in the statement.')
  const withInline = 'bytes' in body && inline.trim() !== '' ? { bytes: Buffer.concat([Buffer.from(inline), body.bytes]) } : body
  if ('bytes' in withInline && withInline.bytes.length === 0) return {}

  const target = SIMPLE_TARGET.exec(sql.slice(0, at))
  const table = target?.[1]
  if ('bytes' in withInline && withInline.bytes.length <= MOST_RAW_BYTES && table !== undefined && rawFormats.has(format)) {
    const columns = target?.[2]?.split(',').map((column) => column.trim())
    const done = await engine.insertBytes({ table, columns, format: format as RawInsertFormat }, withInline.bytes, options)
    return { written_rows: done.rowsWritten, written_bytes: done.bytesWritten, elapsed: done.elapsed }
  }
  const spilled = 'file' in withInline ? withInline : await bodyFile(withInline.bytes, engine.temporary)
  try {
    const head = sql.slice(0, shape.infile_at)
    const clauses = sql.slice(shape.infile_at, ends_at)
    const result = await engine.run(`${head}FROM INFILE ${quote(spilled.file)} ${clauses}`, options)
    return { written_rows: result.rowsRead, written_bytes: result.bytesRead, elapsed: result.elapsed }
  } finally {
    if ('remove' in spilled) await spilled.remove()
  }
}

async function tooLarge(body: { remove(): Promise<void> }, remedy: string): Promise<CallhouseError> {
  await body.remove()
  return new CallhouseError('bad_request', `The insert's data is too large to be part of its statement. ${remedy}`)
}
