/** Computes the days of one generation and writes them beside the published ones; nobody sees them yet. */
import type { Warehouse } from '../sql/warehouse.ts'
import type { Model } from './load-models.ts'
import { modelParams } from './model-params.ts'
import { anchorsOf } from './touched-days.ts'

/** A month at a time keeps the memory of a first build flat, whatever the history. */
const DAYS_PER_INSERT = 31

export interface Generation {
  tenant_id: string
  generation: number
  work: { model: Model; days: string[] }[]
  onProgress?: ((done: number, total: number) => void) | undefined
}

/** Rebuilds each model's days under the given generation number. */
export async function buildGeneration(warehouse: Warehouse, { tenant_id, generation, work, onProgress }: Generation): Promise<void> {
  const total = work.reduce((sum, { days }) => sum + days.length, 0)
  let done = 0
  for (const { model, days } of work)
    for (let at = 0; at < days.length; at += DAYS_PER_INSERT) {
      const chunk = days.slice(at, at + DAYS_PER_INSERT)
      await insertDays(warehouse, model, tenant_id, generation, chunk)
      done += chunk.length
      onProgress?.(done, total)
    }
}

async function insertDays(warehouse: Warehouse, model: Model, tenant_id: string, generation: number, days: string[]): Promise<void> {
  const columns = await atomColumns(warehouse, model)
  const anchors = await anchorsOf(warehouse, tenant_id, model.from, days)
  await warehouse.command({
    query: `INSERT INTO ${model.fact}_generations (tenant_id, day, generation, ${columns.join(', ')})
      SELECT {tenant_id:String}, toDate(bucket_start), {generation:UInt64}, ${columns.join(', ')} FROM (${model.select})`,
    query_params: { ...modelParams(model, tenant_id, days, anchors), generation },
  })
}

/** The columns a model fills, in the order of its table; names come from our own schema, never from a request. */
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
