/**
 * The rows of a CSV or NDJSON file, with the bytes and lines they stand at. A
 * row that is wrong costs that row: after a stray quote a CSV is read again from
 * the next line, where csv-parse goes on behind the next quote and loses what
 * is between. Memory is bounded by the longest row that is allowed.
 */
import { readLines, type FileLine } from '../../file-lines.ts'
import type { RejectCode } from '../../source.ts'
import type { OpenedFile } from './open-file.ts'

export interface Row {
  /** As it stands in the file. */
  text: string
  offset: number
  end_offset: number
  /** The line it begins on, from 1. */
  line: number
  end_line: number
  values?: string[]
  problem?: { code: RejectCode; reason: string }
}

export interface RowOptions {
  /** Whether a last line without a line end counts. */
  finished: boolean
  is_latin1: boolean
}

/** A quote that is not closed within so much was not meant as one. */
const LONGEST_ROW_LINES = 200
const LONGEST_ROW_CHARACTERS = 1 << 20

type NumberedLine = FileLine & { number: number }

async function* numberedLines(file: OpenedFile, { finished, is_latin1 }: RowOptions): AsyncGenerator<NumberedLine> {
  let number = file.from.line
  for await (const line of readLines(file.handle, { from: file.from.offset, to: file.size, finished })) {
    number += 1
    if (line.offset === 0) line.line = line.line.replace(/^(\ufeff|\u00ef\u00bb\u00bf)/, '')
    const problem = is_latin1 && line.problem === 'not_utf8' ? undefined : line.problem
    yield { ...line, problem, number }
  }
}

/** Every line that is not blank. */
export async function* ndjsonRows(file: OpenedFile, options: RowOptions): AsyncGenerator<Row> {
  for await (const line of numberedLines(file, options)) if (line.line.trim() !== '') yield rowOf([line])
}

/** Every row that is not blank; a quoted field may have line ends in it. */
export async function* csvRows(file: OpenedFile, delimiterOf: (first: string) => string, options: RowOptions): AsyncGenerator<Row> {
  let delimiter: string | undefined
  let open: NumberedLine[] = []
  let open_characters = 0
  /** Takes lines until a row is open, and gives the rows before it. */
  const take = function* (lines: NumberedLine[], is_end: boolean): Generator<Row> {
    const waiting = lines
    for (let at = 0; at < waiting.length || (is_end && open.length > 0);) {
      const line = waiting[at]
      at += 1
      if (line !== undefined && open.length === 0 && (line.problem !== undefined || line.line.trim() === '')) {
        if (line.problem !== undefined) yield rowOf([line])
        continue
      }
      if (line !== undefined) {
        open.push(line)
        open_characters += line.line.length
      }
      delimiter ??= delimiterOf(open[0]!.line)
      const is_over = line === undefined || open.length > LONGEST_ROW_LINES || open_characters > LONGEST_ROW_CHARACTERS || line.problem !== undefined
      const values = is_over ? undefined : splitRow(open.map((one) => one.line).join('\n'), delimiter)
      if (values === 'open') continue
      if (values !== undefined) yield { ...rowOf(open), values }
      else {
        const [first, ...rest] = open
        yield { ...rowOf([first!]), problem: { code: 'field_invalid', reason: 'a quote is not closed, or is closed in the middle of a field' } }
        waiting.splice(0, at, ...rest)
        at = 0
      }
      open = []
      open_characters = 0
    }
  }
  for await (const line of numberedLines(file, options)) yield* take([line], false)
  if (options.finished) yield* take([], true)
}

function rowOf(lines: readonly NumberedLine[]): Row {
  const [first, last] = [lines[0]!, lines.at(-1)!]
  return {
    text: lines.map(({ line }) => line).join('\n'),
    offset: first.offset,
    end_offset: last.end_offset,
    line: first.number,
    end_line: last.number,
    ...(first.problem && { problem: problems[first.problem] }),
  }
}

const problems = {
  not_utf8: { code: 'not_utf8', reason: 'is not UTF-8; declare the encoding if it is meant to be another' },
  too_long: { code: 'too_long', reason: 'is longer than 1 MiB; the payload is its first kilobyte' },
} as const

/** The fields of a row; 'open' while a quote is, undefined when one closes in the middle of a field. */
export function splitRow(text: string, delimiter: string): string[] | 'open' | undefined {
  const fields: string[] = []
  let at = 0
  for (;;) {
    if (text[at] !== '"') {
      const next = text.indexOf(delimiter, at)
      fields.push(text.slice(at, next < 0 ? undefined : next))
      if (next < 0) return fields
      at = next + 1
      continue
    }
    let end = text.indexOf('"', at + 1)
    while (end >= 0 && text[end + 1] === '"') end = text.indexOf('"', end + 2)
    if (end < 0) return 'open'
    fields.push(text.slice(at + 1, end).replaceAll('""', '"'))
    if (end + 1 === text.length) return fields
    if (text[end + 1] !== delimiter) return undefined
    at = end + 2
  }
}

/** Of those that are used for it, the one that is in the line most often. */
export function detectDelimiter(line: string): string {
  const counts = [',', ';', '\t', '|'].map((sign) => [sign, line.split(sign).length] as const)
  return counts.reduce((best, one) => (one[1] > best[1] ? one : best))[0]
}
