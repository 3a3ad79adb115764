/**
 * Coverage says what the core tables hold; answers come from facts, which lag
 * behind by a refresh. So a refresh reads coverage before the marks (a source
 * writes it after them) and publishes it once those marks are in the facts.
 */
import type { Warehouse } from '../sql/warehouse.ts'

export interface CoverageRow {
  tenant_id: string
  source_id: string
  entity: string
  covered_from: string
  covered_to: string
  version: string | number
}

/** What sources have covered and the facts are not known to hold yet. */
export async function unpublishedCoverage(warehouse: Warehouse): Promise<CoverageRow[]> {
  const result = await warehouse.query({
    query: `SELECT * FROM coverage FINAL WHERE (tenant_id, source_id, entity, covered_from, covered_to) NOT IN (
      SELECT tenant_id, source_id, entity, covered_from, covered_to FROM published_coverage FINAL)`,
    format: 'JSONEachRow',
  })
  return result.json<CoverageRow>()
}

/** Says that the facts hold it now. */
export async function publishCoverage(warehouse: Warehouse, rows: CoverageRow[]): Promise<void> {
  if (rows.length > 0) await warehouse.insert({ table: 'published_coverage', format: 'JSONEachRow', values: rows })
}
