/** Rows of core tables, read from the text that the loader writes. */
import { columnsOf } from '../ingest/encode-record.ts'
import { entities, type EntityName } from '../ingest/records/index.ts'
import type { Versioned } from './memory-table.ts'

/** A row of a core table, as the text that came in. */
export interface CoreRow extends Versioned {
  version: bigint
  columns: Readonly<Record<string, string>>
}

/** How a TSV column says that it has no value. */
export const NULL = '\\N'

const escapes: Record<string, string> = { t: '\t', n: '\n', r: '\r', '0': '\0', '\\': '\\' }

/** A block of rows, as the loader writes them. */
export function parseRows(entity: EntityName, tsv: string): CoreRow[] {
  const names = columnsOf(entities[entity])
  const lines = tsv.split('\n').slice(0, -1)
  return lines.map((line) => {
    const values = line.split('\t')
    if (values.length !== names.length) throw new Error(`a row of ${entity} has ${values.length} columns, its table ${names.length}`)
    const columns: Record<string, string> = {}
    for (const [at, name] of names.entries()) {
      const text = values[at]!
      columns[name] = text.includes('\\') && text !== NULL ? text.replace(/\\(.)/g, (_, sign: string) => escapes[sign] ?? sign) : text
    }
    return { columns, version: BigInt(columns['version']!), is_deleted: columns['is_deleted'] === '1' }
  })
}
