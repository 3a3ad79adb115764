/** Deletes fact rows that no reader can reach any more: superseded generations, and those a crash left unpublished. */
import type { Warehouse } from '../sql/warehouse.ts'
import type { Model } from './load-models.ts'

/**
 * Drops generations below `floor` that are not the published one of their day.
 * The caller picks a floor old enough that no query still reads by it and no
 * refresh still builds below it.
 */
export async function collectSuperseded(warehouse: Warehouse, models: Model[], floor: number): Promise<void> {
  for (const { fact } of models)
    await warehouse.command({
      query: `DELETE FROM {table:Identifier} WHERE generation < {floor:UInt64} AND (tenant_id, day, generation) NOT IN (
        SELECT tenant_id, day, max(generation) FROM published_days WHERE fact = {fact:String} GROUP BY tenant_id, day)`,
      query_params: { table: `${fact}_generations`, floor, fact },
    })
}
