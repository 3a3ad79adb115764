/** The columns a model fills, in the order of its table; names come from our own schema, never from a request. */
import type { Warehouse } from '../sql/warehouse.ts'
import type { Model } from './load-models.ts'

export async function atomColumns(warehouse: Warehouse, model: Model): Promise<string[]> {
  const known = columnsOf.get(model.fact)
  if (known) return known
  const result = await warehouse.query({
    query: `SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String}
      AND name NOT IN ('tenant_id', 'day', 'generation') ORDER BY position`,
    query_params: { table: `${model.fact}_generations` },
    format: 'JSONEachRow',
  })
  const columns = (await result.json<{ name: string }>()).map(({ name }) => name)
  columnsOf.set(model.fact, columns)
  return columns
}
const columnsOf = new Map<string, string[]>()
