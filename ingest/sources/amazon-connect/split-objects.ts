/** JSON objects that stand one after the other without a line end between them, as Firehose delivers them. */

/** The texts of the objects, and what is left when the last one is not whole; undefined for a text that is no such row. */
export function splitObjects(text: string): { objects: string[]; rest: string } | undefined {
  const objects: string[] = []
  let depth = 0
  let begin = -1
  let in_string = false
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at]
    if (in_string) {
      if (sign === '\\') at += 1
      else if (sign === '"') in_string = false
      continue
    }
    if (sign === '"' && depth > 0) in_string = true
    else if (sign === '{') {
      if (depth === 0) begin = at
      depth += 1
    } else if (sign === '}' && depth > 0) {
      depth -= 1
      if (depth === 0) objects.push(text.slice(begin, at + 1))
    } else if (depth === 0 && !/\s/.test(sign ?? '')) return undefined
  }
  return { objects, rest: depth > 0 ? text.slice(begin) : '' }
}
