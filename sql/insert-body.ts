/**
 * Gathers what an INSERT sends. One insert must be one statement, so that it
 * lands whole and a deduplication token covers all of it: what fits is kept in
 * memory, what does not goes through a file that the engine reads in a stream.
 */
import { randomUUID } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Chunk = Buffer | Uint8Array | string
export type InsertBody = { bytes: Buffer } | { file: string; size: number; remove(): Promise<void> }

export const MEMORY_LIMIT_BYTES = 64 * 1024 * 1024

/** Reads everything; more than `limit` bytes end up in a temporary file in `directory`. */
export async function gatherBody(
  values: string | AsyncIterable<Chunk>,
  { limit = MEMORY_LIMIT_BYTES, directory = tmpdir() }: { limit?: number; directory?: string } = {},
): Promise<InsertBody> {
  if (typeof values === 'string') return { bytes: Buffer.from(values) }
  const chunks: Buffer[] = []
  let size = 0
  const source = values[Symbol.asyncIterator]()
  for (let next = await source.next(); !next.done; next = await source.next()) {
    const chunk = toBuffer(next.value)
    chunks.push(chunk)
    size += chunk.length
    if (size > limit) return await spill(directory, chunks, source)
  }
  const [only] = chunks
  return { bytes: only && chunks.length === 1 ? only : Buffer.concat(chunks, size) }
}

/** Puts bytes into a temporary file, for formats the engine takes from files only. */
export async function bodyFile(bytes: Buffer, directory: string): Promise<InsertBody & { file: string }> {
  return await spill(directory, [bytes], undefined)
}

/** A new name in a directory. */
export function temporaryFile(directory: string): string {
  return join(directory, `callhouse-${randomUUID()}`)
}

async function spill(directory: string, chunks: Buffer[], rest: AsyncIterator<Chunk> | undefined): Promise<InsertBody & { file: string }> {
  const file = temporaryFile(directory)
  const remove = () => rm(file, { force: true })
  const handle = await open(file, 'wx', 0o600)
  let size = 0
  try {
    for (const chunk of chunks) {
      await handle.appendFile(chunk)
      size += chunk.length
    }
    for (let next = await rest?.next(); next && !next.done; next = await rest?.next()) {
      const chunk = toBuffer(next.value)
      await handle.appendFile(chunk)
      size += chunk.length
    }
  } catch (error) {
    await handle.close()
    await remove()
    throw error
  }
  await handle.close()
  return { file, size, remove }
}

function toBuffer(chunk: Chunk): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk)
  if (Buffer.isBuffer(chunk)) return chunk
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  throw new TypeError(`An insert stream must give bytes or text, not ${typeof chunk}`)
}
