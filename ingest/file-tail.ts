/**
 * Follows a growing log file and its rotated predecessors, so that every line
 * is read once: after a rename, after copy-and-truncate, after the log was
 * copied elsewhere, and after a restart.
 *
 * A file is known by its fingerprint, a hash of its first line: inodes do not
 * survive a copy and are reused, names change at every rotation, but a log's
 * first line carries a time and stays. The cursor is the offset reached in each
 * fingerprint. Files that share a fingerprint are copies of one another; the
 * longest of them is read.
 */
import { createHash } from 'node:crypto'
import { open, readdir, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { CallhouseError, messageOf } from '../errors.ts'
import { readLines, type FileLine } from './file-lines.ts'
import { rotationOrder } from './rotation-order.ts'

export interface TailCursor {
  /** Bytes read of each file, by fingerprint, in the order the files were first read. */
  offsets: Record<string, number>
}

export interface TailLine extends FileLine {
  /** The fingerprint of the file; with `offset` it says where a line stands, whatever the file is called. */
  file: string
  inode: number
  /** True on the first line of a file that became shorter than what had been read of it, and is read again. */
  restarted: boolean
}

export interface TailOptions {
  cursor?: TailCursor | undefined
  /** True for a backfill: nobody writes any more, so a last line without a line end counts. */
  finished: boolean
  max_line_bytes?: number
  chunk_bytes?: number
  warn: (details: object, message: string) => void
}

interface OpenFile {
  name: string
  handle: FileHandle
  inode: number
  size: number
  fingerprint: string
}

const FINGERPRINT_BYTES = 4096
/** Offsets of files that are gone are kept this long, in case they come back. */
const REMEMBERED_FILES = 64
/** A log is not rotated this often while it is being opened. */
const ATTEMPTS = 10

/** What there is to read of `<directory>/<base>` and its rotated predecessors at this moment; close it after use. */
export class FileTail {
  readonly #files: OpenFile[]
  readonly #options: TailOptions
  readonly #offsets: Map<string, number>
  readonly total_bytes: number

  private constructor(files: OpenFile[], options: TailOptions) {
    this.#files = files
    this.#options = options
    this.#offsets = new Map(Object.entries(options.cursor?.offsets ?? {}))
    this.total_bytes = files.reduce((sum, file) => sum + file.size, 0)
  }

  /** Opens the files now there under that name, oldest first; none is no error. */
  static async open(directory: string, base: string, options: TailOptions): Promise<FileTail> {
    return new FileTail(await openFiles(directory, base, options), options)
  }

  get found(): boolean {
    return this.#files.length > 0
  }

  get done_bytes(): number {
    return this.#files.reduce((sum, file) => sum + Math.min(file.size, this.#offsets.get(file.fingerprint) ?? 0), 0)
  }

  /** Where to go on after the last line that was yielded. */
  get cursor(): TailCursor {
    const present = new Set(this.#files.map((file) => file.fingerprint))
    const gone = [...this.#offsets.keys()].filter((fingerprint) => !present.has(fingerprint))
    for (const fingerprint of gone.slice(0, -REMEMBERED_FILES)) this.#offsets.delete(fingerprint)
    return { offsets: Object.fromEntries(this.#offsets) }
  }

  async *lines(): AsyncGenerator<TailLine> {
    for (const [index, file] of this.#files.entries()) {
      const reached = this.#offsets.get(file.fingerprint) ?? 0
      let restarted = reached > file.size
      if (restarted)
        this.#options.warn(
          { file: file.name, reached, size: file.size },
          'the file is shorter than what was read of it; reading it again from its beginning',
        )
      const { max_line_bytes, chunk_bytes } = this.#options
      const finished = this.#options.finished || index < this.#files.length - 1
      for await (const line of readLines(file.handle, { from: restarted ? 0 : reached, to: file.size, finished, max_line_bytes, chunk_bytes })) {
        this.#offsets.set(file.fingerprint, line.end_offset)
        yield { ...line, file: file.fingerprint, inode: file.inode, restarted }
        restarted = false
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.handle.close()))
  }
}

/** Opens until the names still mean the opened files: a rotation between two opens would swap old and new. */
async function openFiles(directory: string, base: string, options: TailOptions): Promise<OpenFile[]> {
  for (let attempt = 1; ; attempt += 1) {
    const { names, compressed } = rotationOrder(base, await readdir(directory))
    if (compressed.length > 0)
      options.warn({ directory, files: compressed }, 'compressed logs are not read; decompress those that are still to be taken')
    const opened: { name: string; handle: FileHandle }[] = []
    try {
      for (const name of names) opened.push({ name, handle: await open(join(directory, name), 'r') })
      if (await stillTheSame(directory, opened)) return await identify(opened, options)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === ATTEMPTS) {
        await Promise.all(opened.map((file) => file.handle.close()))
        const advice = 'Let the user Callhouse runs as read it, and remove links that lead nowhere.'
        throw new CallhouseError('source_unavailable', `Cannot open ${join(directory, base)} and its rotated files: ${messageOf(error)}. ${advice}`, {
          cause: error,
        })
      }
    }
    await Promise.all(opened.map((file) => file.handle.close()))
  }
}

async function stillTheSame(directory: string, opened: { name: string; handle: FileHandle }[]): Promise<boolean> {
  for (const { name, handle } of opened) {
    const [byName, byHandle] = await Promise.all([stat(join(directory, name)), handle.stat()])
    if (byName.ino !== byHandle.ino || byName.dev !== byHandle.dev) return false
  }
  return true
}

async function identify(opened: { name: string; handle: FileHandle }[], options: TailOptions): Promise<OpenFile[]> {
  const files = new Map<string, OpenFile>()
  for (const { name, handle } of opened) {
    const { ino: inode, size } = await handle.stat()
    const fingerprint = await fingerprintOf(handle, size, options.finished)
    const twin = fingerprint === undefined ? undefined : files.get(fingerprint)
    if (fingerprint === undefined || (twin !== undefined && twin.size >= size)) await handle.close()
    else files.set(fingerprint, { name, handle, inode, size, fingerprint })
    if (twin === undefined) continue
    if (twin.size < size) await twin.handle.close()
    options.warn({ files: [twin.name, name] }, 'two files begin with the same line and count as copies; the longer one is read')
  }
  return [...files.values()]
}

/** A hash of the first line that is not blank, or undefined while there is none. */
async function fingerprintOf(handle: FileHandle, size: number, finished: boolean): Promise<string | undefined> {
  const head = Buffer.alloc(Math.min(size, FINGERPRINT_BYTES))
  const { bytesRead } = await handle.read(head, 0, head.length, 0)
  const text = head.toString('latin1', 0, bytesRead)
  const line = /^\s*([^\n]*\S)\s*?(\n|$)/.exec(text)
  if (line === null) return bytesRead === FINGERPRINT_BYTES ? hash(text) : undefined
  if (line[2] === '' && bytesRead < FINGERPRINT_BYTES && !finished) return undefined
  return hash(line[1] ?? '')
}

function hash(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('hex').slice(0, 24)
}
