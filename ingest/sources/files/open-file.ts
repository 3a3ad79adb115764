/**
 * A file as it is at this moment, and where to read on in it. A name says
 * little: exports are written again under the same one. So what was read is
 * known by the inode and by hashes of its first and last bytes; where any
 * differs, the file is another and is read from its beginning, which is
 * harmless since rows are stored by identity.
 */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { CallhouseError, messageOf } from '../../../errors.ts'
import type { ListedFile } from './file-list.ts'

/** What is remembered of a file between passes. */
export interface FileState {
  /** Of the file as it lies there; a compressed one's own size. */
  inode: number
  size: number
  modified_ms: number
  /** Where the next row begins, in what is unpacked. */
  offset: number
  /** Lines before that. */
  line: number
  /** Of the bytes before the offset: the first and the last so many, and a hash of each. */
  edges: { bytes: number; first: string; last: string } | null
  columns: string[] | null
  /** Whether all of it was read. */
  done: boolean
  /** A last row without a line end was taken; where it began, should it turn out to have been half a row. */
  unended: { offset: number; line: number } | null
}

export interface OpenedFile {
  handle: FileHandle
  /** Bytes there are to read, unpacked. */
  size: number
  inode: number
  stored_size: number
  modified_ms: number
  from: { offset: number; line: number; columns: string[] | null }
  close(): Promise<void>
}

const EDGE_BYTES = 4_096

/** Undefined when nothing was added to the file since. */
export async function openFile(file: ListedFile, saved: FileState | undefined): Promise<OpenedFile | undefined> {
  const stored = await open(file.path, 'r')
  let handle = stored
  let remove = async (): Promise<void> => undefined
  const close = async (): Promise<void> => {
    await handle.close()
    await remove()
  }
  try {
    const { ino: inode, size: stored_size, mtimeMs } = await stored.stat()
    const modified_ms = Math.floor(mtimeMs)
    const is_same = saved?.inode === inode && saved.size === stored_size && saved.modified_ms === modified_ms
    const is_read = saved !== undefined && (file.is_compressed ? saved.done : saved.offset === stored_size)
    if (is_same && is_read) {
      await close()
      return undefined
    }
    if (file.is_compressed) {
      const unpacked = await unpack(file)
      await stored.close()
      handle = unpacked.handle
      remove = unpacked.remove
    }
    const { size } = file.is_compressed ? await handle.stat() : { size: stored_size }
    const is_grown = saved !== undefined && saved.inode === inode && size >= saved.offset && (is_same || stored_size > saved.size)
    const goes_on = is_grown && (await hasEdges(handle, saved))
    return { handle, size, inode, stored_size, modified_ms, from: goes_on ? await resumeAt(handle, saved, size) : FROM_START, close }
  } catch (thrown) {
    await close().catch(() => undefined)
    throw thrown
  }
}

const FROM_START = { offset: 0, line: 0, columns: null }

/** A row without a line end that was taken as it was, and goes on now, was half a row. */
async function resumeAt(handle: FileHandle, saved: FileState, size: number): Promise<OpenedFile['from']> {
  const { offset, line, columns, unended } = saved
  if (unended === null || size === offset) return { offset, line, columns }
  const next = (await bytesAt(handle, offset, 2)).toString('latin1')
  return next.startsWith('\n') || next === '\r\n' ? { offset, line, columns } : { ...unended, columns }
}

/** The edges of what was read so far. */
export async function edgesOf(handle: FileHandle, offset: number): Promise<FileState['edges']> {
  const bytes = Math.min(EDGE_BYTES, offset)
  if (bytes === 0) return null
  return { bytes, first: hash(await bytesAt(handle, 0, bytes)), last: hash(await bytesAt(handle, offset - bytes, bytes)) }
}

async function hasEdges(handle: FileHandle, { offset, edges }: FileState): Promise<boolean> {
  const now = await edgesOf(handle, offset)
  return now?.first === edges?.first && now?.last === edges?.last
}

async function bytesAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await handle.read(buffer, 0, length, position)
  return buffer.subarray(0, bytesRead)
}

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 24)
}

/** Into a temporary file: a compressed one has no offsets to read at. */
async function unpack(file: ListedFile): Promise<{ handle: FileHandle; remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'callhouse-unpacked-'))
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true })
  try {
    const path = join(directory, 'rows')
    await pipeline(createReadStream(file.path), createGunzip(), createWriteStream(path, { mode: 0o600 }))
    return { handle: await open(path, 'r'), remove }
  } catch (thrown) {
    await remove()
    throw new CallhouseError(
      'source_unavailable',
      `${file.path} cannot be unpacked: ${messageOf(thrown)}. Is it still being written? The next pass tries again.`,
      { cause: thrown },
    )
  }
}
