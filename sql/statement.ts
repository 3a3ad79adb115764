/**
 * What the text of one statement says about how to run it. The embedded engine
 * would run `SELECT 1; DROP TABLE calls` as two statements, as no server does,
 * so the text is looked at first. Data that follows INSERT … FORMAT is not read.
 */
export interface StatementShape {
  /** The first word in capitals, such as SELECT. */
  verb: string
  /** How many SELECT words it has; more than one means sub-selects. */
  selects: number
  /** True when something follows a semicolon. */
  is_several: boolean
  /** Where its FORMAT clause starts, and the format it names. */
  format?: { at: number; name: string; ends_at: number }
  /** For INSERT … FORMAT: where the clause before the data ends (SETTINGS or FORMAT). */
  infile_at?: number
}

const SPACE = /\s/
const WORD_START = /[A-Za-z_]/
const WORD = /[A-Za-z0-9_$]*/y
const HEREDOC = /\$\w*\$/y

/** Reads a statement's outline in one pass; under a millisecond for anything people write. */
export function readStatement(sql: string): StatementShape {
  const shape: StatementShape = { verb: '', selects: 0, is_several: false }
  let previous = ''
  let depth = 0
  let ended = false
  let settingsAt: number | undefined
  for (let at = 0; at < sql.length;) {
    const char = sql.charAt(at)
    if (SPACE.test(char)) at++
    else if (sql.startsWith('--', at) || sql.startsWith('# ', at) || sql.startsWith('#!', at)) at = after(sql, '\n', at)
    else if (sql.startsWith('/*', at)) at = after(sql, '*/', at + 2)
    else if (char === ';') {
      ended = true
      at++
    } else if (ended) {
      shape.is_several = true
      return shape
    } else if (char === "'" || char === '"' || char === '`') {
      at = afterQuoted(sql, at)
      previous = ''
    } else if (char === '$') {
      const tag = match(HEREDOC, sql, at)
      at = tag === '' ? at + 1 : after(sql, tag, at + tag.length)
      previous = ''
    } else if (WORD_START.test(char)) {
      const word = match(WORD, sql, at).toUpperCase()
      const isName = sql[at - 1] === '.' || previous === 'INTO' || previous === 'TABLE' || previous === 'AS'
      if (shape.verb === '') shape.verb = word
      else if (word === 'SETTINGS' && depth === 0 && !isName) settingsAt ??= at
      if (word === 'SELECT') shape.selects++
      if (word === 'FORMAT' && depth === 0 && !isName) {
        const format = formatAt(sql, at)
        if (format) {
          shape.format = format
          if (shape.verb === 'INSERT' && shape.selects === 0) {
            shape.infile_at = settingsAt ?? at
            return shape
          }
        }
      }
      at += word.length
      previous = word
    } else {
      if (char === '(') depth++
      else if (char === ')') depth--
      previous = ''
      at++
    }
  }
  return shape
}

/** A column called `format` is followed by an operator or a comma, a clause by a name. */
function formatAt(sql: string, at: number): StatementShape['format'] {
  const clause = /FORMAT\s+([A-Za-z]\w*)/iy
  clause.lastIndex = at
  const name = clause.exec(sql)?.[1]
  return name === undefined ? undefined : { at, name, ends_at: clause.lastIndex }
}

function match(pattern: RegExp, sql: string, at: number): string {
  pattern.lastIndex = at
  return pattern.exec(sql)?.[0] ?? ''
}

function after(sql: string, mark: string, from: number): number {
  const found = sql.indexOf(mark, from)
  return found < 0 ? sql.length : found + mark.length
}

/** Quotes are closed by their own kind; a backslash or a doubled quote keeps them open. */
function afterQuoted(sql: string, start: number): number {
  const quote = sql[start]
  for (let at = start + 1; at < sql.length; at++) {
    if (sql[at] === '\\') at++
    else if (sql[at] === quote) {
      if (sql[at + 1] !== quote) return at + 1
      at++
    }
  }
  return sql.length
}
