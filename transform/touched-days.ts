/**
 * From "records anchored on these days changed" to the days that must be
 * rebuilt: every day such records have ever counted on, so a record's old day
 * is rebuilt as well as its new one. And back: which anchors a day reads.
 */
import type { Warehouse } from '../sql/warehouse.ts'
import type { Mark } from './marks.ts'

/** The touched days (YYYY-MM-DD) by entity. */
export async function touchedDays(warehouse: Warehouse, tenant_id: string, marks: Mark[]): Promise<Map<string, string[]>> {
  const anchors = new Map<string, Set<string>>()
  for (const { entity, anchor_day } of marks) anchors.set(entity, (anchors.get(entity) ?? new Set()).add(anchor_day))
  const touched = new Map<string, string[]>()
  for (const [entity, days] of anchors) touched.set(entity, await reachedFrom(warehouse, tenant_id, entity, [...days]))
  return touched
}

async function reachedFrom(warehouse: Warehouse, tenant_id: string, entity: string, anchor_days: string[]): Promise<string[]> {
  const result = await warehouse.query({
    query: `SELECT DISTINCT day FROM day_reach
      WHERE tenant_id = {tenant_id:String} AND entity = {entity:String} AND anchor_day IN {anchor_days:Array(Date)} ORDER BY day`,
    query_params: { tenant_id, entity, anchor_days },
    format: 'JSONEachRow',
  })
  return (await result.json<{ day: string }>()).map(({ day }) => day)
}

/** The anchor days whose records may count on any of these days, by entity. */
export async function anchorsOf(warehouse: Warehouse, tenant_id: string, entities: string[], days: string[]): Promise<Map<string, string[]>> {
  const result = await warehouse.query({
    query: `SELECT entity, groupUniqArray(anchor_day) AS anchor_days FROM day_reach
      WHERE tenant_id = {tenant_id:String} AND entity IN {entities:Array(String)} AND day IN {days:Array(Date)} GROUP BY entity`,
    query_params: { tenant_id, entities, days },
    format: 'JSONEachRow',
  })
  const rows = await result.json<{ entity: string; anchor_days: string[] }>()
  return new Map(rows.map(({ entity, anchor_days }) => [entity, anchor_days]))
}
