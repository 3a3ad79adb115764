/**
 * Deletes what nothing can reach any more: fact rows of superseded generations
 * and of those that a crash left unpublished, and settled marks. Every refresh
 * reads all marks, so their number must not grow with time.
 */
import type { Warehouse } from '../sql/warehouse.ts'
import type { Model } from './load-models.ts'

/**
 * Drops generations below `floor` that are not the published one of their day.
 * The caller picks a floor old enough that no query still reads by it and no
 * refresh still builds below it.
 */
export async function collectSuperseded(warehouse: Warehouse, models: readonly Model[], floor: number): Promise<void> {
  for (const { fact } of models)
    await warehouse.command({
      query: `DELETE FROM {table:Identifier} WHERE generation < {floor:UInt64} AND (tenant_id, day, generation) NOT IN (
        SELECT tenant_id, day, max(generation) FROM published_days WHERE fact = {fact:String} GROUP BY tenant_id, day)`,
      query_params: { table: `${fact}_generations`, floor, fact },
    })
  await collectSettled(warehouse)
}

/**
 * Drops marks that are settled, both rows of each. A refresh that sees one of
 * the two rows gone and the other not yet builds a day once more, no harm done.
 */
async function collectSettled(warehouse: Warehouse): Promise<void> {
  await warehouse.command({
    query: `DELETE FROM touched_days WHERE (tenant_id, entity, anchor_day, mark_id) IN (
      SELECT tenant_id, entity, anchor_day, mark_id FROM touched_days WHERE is_done = 1)`,
  })
}
