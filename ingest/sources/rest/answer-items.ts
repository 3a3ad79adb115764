/** An answer's items, each with its exact text: out of JSON, or of a CSV's rows. */
import { parse } from 'csv-parse/sync'
import { GarbledAnswer } from '../../http-client.ts'
import { sliceItems, withoutMember } from '../../json-items.ts'
import { valueAt } from './paths.ts'

export interface Answer {
  items: { item: unknown; payload: string }[]
  /** What else it says: cursors, totals. */
  answer: unknown
}

/** Throws GarbledAnswer, or SyntaxError, for what is no such answer. */
export function readJsonAnswer(text: string, items_path: string | undefined, strip: readonly string[] = []): Answer {
  const answer: unknown = JSON.parse(text)
  const list = items_path === undefined ? answer : valueAt(answer, items_path)
  if (!Array.isArray(list)) throw new GarbledAnswer(`the answer has no list of items${items_path === undefined ? '' : ` at ${items_path}`}`)
  // The text as it came where the list stands at the top: numbers keep all their digits.
  const sliced = items_path !== undefined && /^[^.[\]^]+$/.test(items_path) ? sliceItems(text, items_path) : undefined
  const payload = (n: number): string => {
    const whole = sliced?.length === list.length ? sliced[n]! : JSON.stringify(list[n])
    return whole.startsWith('{') ? strip.reduce((kept, path) => withoutMember(kept, path.split('.')), whole) : whole
  }
  return { answer, items: (list as unknown[]).map((item, n) => ({ item, payload: payload(n) })) }
}

/** Rows as objects by the header's names; a payload is such an object. Rows of another length say so where they lack something. */
export function readCsvAnswer(text: string, strip: readonly string[] = []): Answer {
  if (/^\s*</.test(text)) throw new GarbledAnswer('the answer was no CSV but a page of markup')
  let rows: string[][]
  try {
    rows = parse(text, { bom: true, skip_empty_lines: true, relax_column_count: true, relax_quotes: true })
  } catch {
    // Its message quotes what it stumbled over.
    throw new GarbledAnswer('the answer was no CSV')
  }
  const [header = [], ...body] = rows
  const items = body.map((row) => {
    const item: Record<string, string> = Object.create(null) as Record<string, string>
    for (const [n, name] of header.entries()) if (row[n] !== undefined && !strip.includes(name)) item[name] = row[n]
    return { item: item, payload: JSON.stringify(item) }
  })
  return { answer: undefined, items }
}
