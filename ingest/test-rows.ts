/** For tests: what an encoded batch holds, column by column, as text. */
import { columnsOf, sourceVersion } from './encode-record.ts'
import { entities, type EntityName } from './records/index.ts'
import type { RowBuffer } from './row-buffer.ts'
import type { Batch } from './source.ts'

export function rowsOf(entity: EntityName, rows: RowBuffer): Record<string, string>[] {
  const columns = columnsOf(entities[entity])
  const lines = rows.toBuffer().toString().split('\n').slice(0, -1)
  return lines.map((line) => Object.fromEntries(line.split('\t').map((value, at) => [columns[at]!, value])))
}

/** `native_id@version` of everything in a batch, by the source's own version. */
export function idsIn({ encoded }: Batch): string[] {
  return [...encoded!.tables].flatMap(([entity, { rows }]) =>
    rowsOf(entity, rows).map((row) => `${row['native_id']}@${sourceVersion(BigInt(row['version']!))}`),
  )
}
