/** Reads a filter such as `queue:sales,support`, `queue:!sales` or `queue:"Sales, north"`. */
import { CallhouseError } from '../errors.ts'
import { findDimension, type DimensionName } from './dimensions.ts'

export interface Filter {
  readonly dimension: DimensionName
  /** Any of these; with `negated`, none of them. */
  readonly values: readonly string[]
  readonly negated: boolean
}

const maxValues = 1000
const oneValue = /\s*(?:"((?:[^"\\]|\\.)*)"|([^",]*[^",\s])|)\s*(,|$)/y

/** Says which filter by its dimension only: a value may be somebody's number. */
function invalid(dimension: string, what: string): CallhouseError {
  const how = 'Write dimension:value, dimension:one,other or dimension:!value; put a value with a comma in double quotes.'
  return new CallhouseError('filter_invalid', `A filter${dimension === '' ? '' : ` on ${dimension}`} cannot be read: ${what}. ${how}`)
}

/** Parses one filter; throws `filter_invalid` or `dimension_unknown`. */
export function parseFilter(text: string): Filter {
  const colon = text.indexOf(':')
  if (colon < 1) throw invalid('', 'there is no "dimension:" in front')
  const dimension = findDimension(text.slice(0, colon).trim()).name
  const rest = text.slice(colon + 1).trimStart()
  const negated = rest.startsWith('!')
  const list = negated ? rest.slice(1) : rest
  const values: string[] = []
  oneValue.lastIndex = 0
  for (;;) {
    const match = oneValue.exec(list)
    if (!match) throw invalid(dimension, 'a quote is not closed, or stands inside a value')
    const value = match[1] === undefined ? match[2] : match[1].replace(/\\(.)/gs, '$1')
    // An empty value is meant only when it is written as "": the rows that have none.
    if (value === undefined) throw invalid(dimension, 'a value is empty (write "" for rows without one)')
    values.push(value)
    if (values.length > maxValues) throw invalid(dimension, `more than ${maxValues} values`)
    if (match[3] === '') break
  }
  return { dimension, values, negated }
}

/** The values a dimension can have left under these filters, or undefined when any. */
export function allowedValues(filters: readonly Filter[], dimension: DimensionName): readonly string[] | undefined {
  const lists = filters.filter((filter) => filter.dimension === dimension && !filter.negated).map((filter) => filter.values)
  if (lists.length === 0) return undefined
  return [...new Set(lists.reduce((left, list) => left.filter((value) => list.includes(value))))]
}
