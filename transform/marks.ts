/** Marks say "records anchored on this day changed": the loader leaves them, a refresh settles them. */
import type { Warehouse } from '../sql/warehouse.ts'

export interface Mark {
  tenant_id: string
  entity: string
  anchor_day: string
  mark_id: string
  marked_at: string
}

/** Every mark not settled yet. */
export async function readMarks(warehouse: Warehouse): Promise<Mark[]> {
  const result = await warehouse.query({
    query: 'SELECT tenant_id, entity, anchor_day, mark_id, marked_at FROM touched_days FINAL WHERE is_done = 0',
    format: 'JSONEachRow',
  })
  return result.json<Mark>()
}

/** Settles exactly these; a mark that came later stays, whatever day it names. */
export async function settleMarks(warehouse: Warehouse, marks: Mark[]): Promise<void> {
  await warehouse.insert({ table: 'touched_days', format: 'JSONEachRow', values: marks.map((mark) => ({ ...mark, is_done: 1 })) })
}
