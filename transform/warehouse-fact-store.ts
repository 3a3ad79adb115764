/** Records and facts in the warehouse: all SQL of a refresh but the models. */
import { TupleParam } from '@clickhouse/client'
import type { Warehouse } from '../sql/warehouse.ts'
import { atomColumns } from './atom-columns.ts'
import type { CoverageRow, DayBuild, FactStore, Mark, PublishedDay, ReachedDay, TenantDay } from './fact-store.ts'
import { modelParams } from './model-params.ts'

/** Values travel in the address of a request to a server, which has a limit of a mebibyte there. */
const ANCHORS_PER_QUERY = 2_000

export function warehouseFactStore(warehouse: Warehouse): FactStore {
  return {
    async unsettledMarks() {
      const result = await warehouse.query({
        query: 'SELECT tenant_id, entity, anchor_day, mark_id, marked_at FROM touched_days FINAL WHERE is_done = 0',
        format: 'JSONEachRow',
      })
      return result.json<Mark>()
    },

    async settleMarks(marks) {
      await warehouse.insert({ table: 'touched_days', format: 'JSONEachRow', values: marks.map((mark) => ({ ...mark, is_done: 1 })) })
    },

    async unpublishedCoverage() {
      const result = await warehouse.query({
        query: `SELECT * FROM coverage FINAL WHERE (tenant_id, source_id, entity, covered_from, covered_to) NOT IN (
          SELECT tenant_id, source_id, entity, covered_from, covered_to FROM published_coverage FINAL)`,
        format: 'JSONEachRow',
      })
      return result.json<CoverageRow>()
    },

    async publishCoverage(rows) {
      await warehouse.insert({ table: 'published_coverage', format: 'JSONEachRow', values: rows })
    },

    async daysReached(anchors) {
      const found: ReachedDay[] = []
      for (let at = 0; at < anchors.length; at += ANCHORS_PER_QUERY) {
        const result = await warehouse.query({
          query: `SELECT DISTINCT tenant_id, entity, day FROM day_reach
            WHERE (tenant_id, entity, anchor_day) IN {anchors:Array(Tuple(String, String, Date))} ORDER BY tenant_id, entity, day`,
          query_params: {
            anchors: anchors
              .slice(at, at + ANCHORS_PER_QUERY)
              .map(({ tenant_id, entity, anchor_day }) => new TupleParam([tenant_id, entity, anchor_day])),
          },
          format: 'JSONEachRow',
        })
        found.push(...(await result.json<ReachedDay>()))
      }
      return found
    },

    buildDays: (build) => buildDays(warehouse, build),
    publishDays: (days) => publishDays(warehouse, days),
  }
}

async function buildDays(warehouse: Warehouse, { model, generation, days }: DayBuild): Promise<void> {
  const columns = await atomColumns(warehouse, model)
  const anchors = await anchorsOf(warehouse, model.from, days)
  await warehouse.command({
    query: `INSERT INTO ${model.fact}_generations (tenant_id, day, generation, ${columns.join(', ')})
      SELECT tenant_id, toDate(bucket_start), {generation:UInt64}, ${columns.join(', ')} FROM (${model.select})`,
    query_params: { ...modelParams(model, days, anchors), generation },
  })
}

/** The anchor days whose records may count on any of these days, by entity. */
async function anchorsOf(warehouse: Warehouse, entities: string[], days: readonly TenantDay[]): Promise<Map<string, TenantDay[]>> {
  const tenants = [...new Set(days.map(({ tenant_id }) => tenant_id))]
  const result = await warehouse.query({
    query: `SELECT DISTINCT entity, tenant_id, anchor_day AS day FROM day_reach
      WHERE tenant_id IN {tenants:Array(String)} AND entity IN {entities:Array(String)} AND (tenant_id, day_reach.day) IN {days:Array(Tuple(String, Date))}`,
    query_params: { tenants, entities, days: days.map(({ tenant_id, day }) => new TupleParam([tenant_id, day])) },
    format: 'JSONEachRow',
  })
  const anchors = new Map<string, TenantDay[]>()
  for (const { entity, ...day } of await result.json<ReachedDay>()) {
    const days = anchors.get(entity)
    if (days) days.push(day)
    else anchors.set(entity, [day])
  }
  return anchors
}

/** One insert, one block: that is what makes it one step. */
async function publishDays(warehouse: Warehouse, days: readonly PublishedDay[]): Promise<void> {
  const published_at = new Date().toISOString().replace('T', ' ').slice(0, 23)
  await warehouse.insert({ table: 'published_days', format: 'JSONEachRow', values: days.map((day) => ({ ...day, published_at })) })
}
