/**
 * The lines of one open file between two byte offsets, each with the bytes it
 * stands at. Lines nobody could use (not UTF-8, longer than any log writes) are
 * yielded too, marked, so that a caller can account for every one of them.
 */
import { isUtf8 } from 'node:buffer'
import type { FileHandle } from 'node:fs/promises'

export interface FileLine {
  /** Without its line end. A line that is not UTF-8 is given as Latin-1; one that is too long, as its beginning. */
  line: string
  /** The byte the line begins at. */
  offset: number
  /** The byte after its line end: where the next line begins. */
  end_offset: number
  problem?: 'not_utf8' | 'too_long'
}

export interface LineRange {
  from: number
  /** The size of the file when it was looked at; what is written after that is for the next time. */
  to: number
  /** True when nobody will complete a last line without a line end, so that it counts as it is. */
  finished: boolean
  /** @default 1 MiB; longer lines are yielded as `too_long` with their first kilobyte. */
  max_line_bytes?: number
  /** @default 256 KiB; with max_line_bytes, the most that is held in memory. */
  chunk_bytes?: number
}

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const SAMPLE_BYTES = 1024

/** Yields the complete lines of a range; a half-written last line is left for later unless the file is finished. */
export async function* readLines(handle: FileHandle, range: LineRange): AsyncGenerator<FileLine> {
  const { from, to, finished, max_line_bytes = 1 << 20, chunk_bytes = 1 << 18 } = range
  const chunk = Buffer.allocUnsafe(Math.min(chunk_bytes, Math.max(1, to - from)))
  let position = from
  let offset = from
  let begun: Buffer[] = []
  let begun_bytes = 0

  const keep = (bytes: Buffer): void => {
    if (begun_bytes <= max_line_bytes) begun.push(Buffer.from(bytes))
    begun_bytes += bytes.length
  }
  const cut = (rest: Buffer, line_end_bytes: number): FileLine => {
    const bytes = begun_bytes === 0 ? rest : Buffer.concat([...begun, rest])
    const length = begun_bytes + rest.length
    const at = offset
    offset += length + line_end_bytes
    begun = []
    begun_bytes = 0
    return { ...textOf(bytes, length > max_line_bytes), offset: at, end_offset: offset }
  }

  while (position < to) {
    const { bytesRead } = await handle.read(chunk, 0, Math.min(chunk.length, to - position), position)
    if (bytesRead === 0) break
    position += bytesRead
    const read = chunk.subarray(0, bytesRead)
    let start = 0
    for (let end = read.indexOf(LINE_FEED); end >= 0; end = read.indexOf(LINE_FEED, start)) {
      const line = cut(read.subarray(start, end), 1)
      start = end + 1
      yield line
    }
    if (start < bytesRead) keep(read.subarray(start))
  }
  if (finished && begun_bytes > 0) yield cut(Buffer.alloc(0), 0)
}

function textOf(bytes: Buffer, too_long: boolean): Pick<FileLine, 'line' | 'problem'> {
  if (too_long) return { line: bytes.toString('latin1', 0, SAMPLE_BYTES), problem: 'too_long' }
  const end = bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length
  if (!isUtf8(bytes)) return { line: bytes.toString('latin1', 0, end), problem: 'not_utf8' }
  return { line: bytes.toString('utf8', 0, end) }
}
