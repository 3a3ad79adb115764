/** Splits one line of Asterisk's CSV. A CSV library per line costs twenty times as much, and these files have one row per line. */

/**
 * The fields of a row: quoted ones with `""` for a quote (a backslash is an
 * ordinary character: `"O\""Brien, Pat"` is `O\"Brien, Pat`), or bare ones.
 * Undefined when a quote is not closed or closes in the middle of a field.
 */
export function splitCsvLine(line: string): string[] | undefined {
  const fields: string[] = []
  let at = 0
  for (;;) {
    if (line[at] !== '"') {
      const comma = line.indexOf(',', at)
      fields.push(line.slice(at, comma < 0 ? undefined : comma))
      if (comma < 0) return fields
      at = comma + 1
      continue
    }
    let end = line.indexOf('"', at + 1)
    while (end >= 0 && line[end + 1] === '"') end = line.indexOf('"', end + 2)
    if (end < 0) return undefined
    fields.push(line.slice(at + 1, end).replaceAll('""', '"'))
    if (end + 1 === line.length) return fields
    if (line[end + 1] !== ',') return undefined
    at = end + 2
  }
}
