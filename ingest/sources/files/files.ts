/** Files of rows as a source: each file is a stream with a checkpoint of its own. */
import { CallhouseError } from '../../../errors.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import type { Batch, PullContext, Reject, Source } from '../../source.ts'
import { listFiles, type ListedFile } from './file-list.ts'
import { edgesOf, openFile, type FileState, type OpenedFile } from './open-file.ts'
import { columnsAsked, planOf, type FilesOptions, type FilesPlan } from './options.ts'
import { compileRowMapper, type RowMapper } from './row-mapper.ts'
import { csvRows, detectDelimiter, ndjsonRows, type Row } from './rows.ts'

/** Nobody has written to a file for so long: its last line counts though it has no end. */
const SETTLED_MS = 60_000

/** A source that reads CSV and NDJSON files by a mapping. Throws config_invalid for options it cannot work with. */
export function createFilesSource(options: FilesOptions): Source {
  const plan = planOf(options)
  const mapper = compileRowMapper(plan)
  return {
    kind: 'files',
    entities: plan.entities,
    async *pull(context) {
      for (const file of await listFiles(plan.path, plan.format)) {
        if (context.signal.aborted) return
        yield* pullFile(file, plan, mapper, context)
      }
    },
    reparse: (stored) => mapper.reread(stored),
    async check() {
      const files = await listFiles(plan.path, plan.format)
      if (files.length === 0) throw new CallhouseError('source_rejected', `There is no CSV or NDJSON file at ${plan.path}.`)
      return { account: `${plan.path}: ${files.length === 1 ? files[0]!.name : `${files.length} files`}` }
    },
  }
}

async function* pullFile(file: ListedFile, plan: FilesPlan, mapper: RowMapper, context: PullContext): AsyncGenerator<Batch> {
  const stream = `files/${file.name}`
  const saved = (await context.checkpoint(stream)) as FileState | undefined
  const opened = await openFile(file, saved)
  if (!opened) return
  try {
    const pass = new Pass(opened, opened.from.columns ?? plan.columns ?? null)
    const finished = !plan.follow || file.is_compressed || context.now() - opened.modified_ms > SETTLED_MS
    const rowOptions = { finished, is_latin1: plan.is_latin1 }
    const delimiterOf = (first: string): string => (plan.delimiter === 'auto' ? detectDelimiter(first) : plan.delimiter)
    const rows = file.format === 'csv' ? csvRows(opened, await delimiterFor(opened, delimiterOf), rowOptions) : ndjsonRows(opened, rowOptions)
    const place = { file: file.name, modified_ms: opened.modified_ms }
    for await (const row of rows) {
      pass.reached(row)
      if (file.format === 'ndjson') pass.add(mapper.ndjson(row, place))
      else if (pass.columns) pass.add(mapper.csv(row, pass.columns, place))
      else {
        const columns = (pass.columns = headerOf(row, file))
        const missing = [...columnsAsked(plan.records)].filter((name) => !columns.includes(name))
        if (missing.length > 0) context.log.warn({ file: file.name, columns: missing }, 'the mapping asks for columns that the file does not have')
      }
      if (pass.inputs < plan.batch_rows) continue
      yield await pass.batch(stream, false)
      if (context.signal.aborted) return
    }
    // Without new rows there is still something to remember: that this much of the file holds none.
    if (pass.inputs > 0 || pass.moved || (file.is_compressed && saved?.done !== true)) yield await pass.batch(stream, true)
  } finally {
    await opened.close()
  }
}

/** Read on from the middle, a file still has the delimiter of its first line. */
async function delimiterFor(opened: OpenedFile, delimiterOf: (first: string) => string): Promise<(first: string) => string> {
  if (opened.from.offset === 0) return delimiterOf
  const head = Buffer.alloc(65_536)
  const { bytesRead } = await opened.handle.read(head, 0, head.length, 0)
  const delimiter = delimiterOf(head.toString('utf8', 0, bytesRead).split('\n', 1)[0] ?? '')
  return () => delimiter
}

function headerOf(row: Row, file: ListedFile): string[] {
  const columns = row.values?.map((name) => name.trim())
  const twice = columns?.find((name, n) => columns.indexOf(name) !== n)
  if (columns && twice === undefined) return columns
  const what = columns ? `has the column "${twice}" twice` : 'is not a row of CSV'
  throw new CallhouseError(
    'source_rejected',
    `The first line of ${file.path} ${what}. Name the columns in the configuration (columns) if it is no header.`,
  )
}

/** What was read of a file since its last batch, and how far. */
class Pass {
  inputs = 0
  moved = false
  columns: readonly string[] | null
  #records: CanonicalRecord[] = []
  #rejects: Reject[] = []
  #offset: number
  #line: number
  #unended: FileState['unended'] = null
  readonly #opened: OpenedFile

  constructor(opened: OpenedFile, columns: readonly string[] | null) {
    this.#opened = opened
    this.columns = columns
    this.#offset = opened.from.offset
    this.#line = opened.from.line
  }

  reached(row: Row): void {
    this.moved = true
    this.#offset = row.end_offset
    this.#line = row.end_line
    this.#unended = { offset: row.offset, line: row.line - 1 }
  }

  add({ records, reject }: { records: CanonicalRecord[]; reject?: Reject }): void {
    this.inputs += 1
    for (const record of records) this.#records.push(record)
    if (reject) this.#rejects.push(reject)
  }

  async batch(stream: string, done: boolean): Promise<Batch> {
    const { handle, inode, stored_size, modified_ms, size } = this.#opened
    const state: FileState = {
      inode,
      size: stored_size,
      modified_ms,
      offset: this.#offset,
      line: this.#line,
      edges: await edgesOf(handle, this.#offset),
      columns: this.columns === null ? null : [...this.columns],
      done,
      unended: this.#offset === size && (await lacksLineEnd(this.#opened)) ? this.#unended : null,
    }
    const progress = { done: this.#offset, total: size }
    const batch: Batch = { stream, inputs: this.inputs, records: this.#records, rejects: this.#rejects, checkpoint: state, progress }
    this.inputs = 0
    this.#records = []
    this.#rejects = []
    this.moved = false
    return batch
  }
}

async function lacksLineEnd({ handle, size }: OpenedFile): Promise<boolean> {
  const last = Buffer.alloc(1)
  const { bytesRead } = await handle.read(last, 0, 1, Math.max(0, size - 1))
  return bytesRead === 1 && last[0] !== 10
}
