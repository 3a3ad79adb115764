/**
 * The payloads of one file: one a line, several in a row, or one over many
 * lines; as they are or gzipped. What somebody is still writing is left for later.
 */
import { open, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { isUtf8 } from 'node:buffer'
import { readLines } from '../../file-lines.ts'
import type { Reject } from '../../source.ts'
import type { FoundFile } from '../../whole-files.ts'
import { splitObjects } from './split-objects.ts'

/** One payload, or a stretch of bytes that is none; `next` is the byte that is read on from after it. */
export interface FileInput {
  position: string
  text: string
  fault?: Pick<Reject, 'code' | 'reason'>
  next: number
}

const WRITTEN_WITHIN_MS = 60_000
/** An analysis on one line has a whole conversation in it. */
const LONGEST_LINE_BYTES = 1 << 24
const LARGEST_GZIP_BYTES = 1 << 30

/** What is new in a file since byte `from`. */
export async function* readInputs(file: FoundFile, from: number, now_ms: number): AsyncGenerator<FileInput> {
  const is_settled = now_ms - file.modified_ms >= WRITTEN_WITHIN_MS
  if (file.name.endsWith('.gz')) yield* readGzip(file, is_settled)
  else if (from === 0 && file.name.endsWith('.json')) yield* readDocument(file, is_settled)
  else yield* readAppended(file, from, is_settled)
}

/** A gzip file is read once it can be read to its end. */
async function* readGzip(file: FoundFile, is_settled: boolean): AsyncGenerator<FileInput> {
  const packed = await readFile(file.path)
  const text = await promisify(gunzip)(packed, { maxOutputLength: LARGEST_GZIP_BYTES }).catch(() => undefined)
  if (text) yield* inputsOf(file.name, text, file.size, true)
  else if (is_settled) yield refused(file, 'not_json', 'the file is not gzip to its end; the payload is its beginning as base64', packed)
}

/** One payload over many lines, or else a payload a line. */
async function* readDocument(file: FoundFile, is_settled: boolean): AsyncGenerator<FileInput> {
  const bytes = await readFile(file.path)
  const text = bytes.toString('utf8').trim()
  if (!isUtf8(bytes) || isJson(firstLineOf(text))) yield* readAppended(file, 0, is_settled)
  else if (isJson(text)) yield { position: `${file.name}/0`, text, next: bytes.length }
  else {
    const row = splitObjects(text)
    if (row && row.objects.length > 0) yield* readAppended(file, 0, is_settled)
    else if (is_settled && text !== '')
      yield refused(file, 'not_json', 'the file is not JSON to its end; the payload is its beginning', bytes, 'utf8')
  }
}

async function* readAppended(file: FoundFile, from: number, is_settled: boolean): AsyncGenerator<FileInput> {
  const handle = await open(file.path, 'r')
  try {
    const range = { from: from > file.size ? 0 : from, to: file.size, finished: is_settled, max_line_bytes: LONGEST_LINE_BYTES }
    for await (const { line, offset, end_offset, problem } of readLines(handle, range)) {
      if (problem) yield { position: `${file.name}/${offset}`, text: line, fault: problems[problem], next: end_offset }
      else yield* lineInputs(file.name, line, offset, end_offset)
    }
  } finally {
    await handle.close()
  }
}

function* inputsOf(name: string, bytes: Buffer, next: number, is_last: boolean): Generator<FileInput> {
  let begin = 0
  while (begin < bytes.length) {
    const found = bytes.indexOf(10, begin)
    if (found < 0 && !is_last) return
    const end = found < 0 ? bytes.length : found
    const line = bytes.subarray(begin, end)
    if (isUtf8(line)) yield* lineInputs(name, line.toString('utf8'), begin, next)
    else yield { position: `${name}/${begin}`, text: line.toString('latin1'), fault: problems.not_utf8, next }
    begin = end + 1
  }
}

function* lineInputs(name: string, line: string, offset: number, next: number): Generator<FileInput> {
  const text = line.trim()
  if (text === '') return
  const row = isJson(text) ? undefined : splitObjects(text)
  if (!row) {
    yield { position: `${name}/${offset}`, text, next }
    return
  }
  const parts = row.rest === '' ? row.objects : [...row.objects, row.rest]
  for (const [n, part] of parts.entries()) yield { position: `${name}/${offset}/${n}`, text: part, next }
}

const problems = {
  not_utf8: { code: 'not_utf8', reason: 'the line is not UTF-8; the payload shows its bytes as Latin-1' },
  too_long: { code: 'too_long', reason: 'the line is longer than 16 MiB; the payload is its first kilobyte' },
} as const

function refused(file: FoundFile, code: Reject['code'], reason: string, bytes: Buffer, encoding: 'utf8' | 'base64' = 'base64'): FileInput {
  return { position: `${file.name}/0`, text: bytes.subarray(0, 1024).toString(encoding), fault: { code, reason }, next: file.size }
}

function firstLineOf(text: string): string {
  const end = text.indexOf('\n')
  return end < 0 ? text : text.slice(0, end)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
