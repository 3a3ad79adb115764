/**
 * Which fact days changed while somebody looked at them: those cannot be
 * compared with a recomputation, since the two were read at different moments.
 */
import type { Warehouse } from '../sql/warehouse.ts'
import type { FactStore } from './fact-store.ts'
import type { Model } from './load-models.ts'

export interface FactDay {
  fact: string
  day: string
}

const keyOf = ({ fact, day }: FactDay): string => `${fact} ${day}`

/** The generation that is published of each of a tenant's fact days. */
export async function publishedGenerations(warehouse: Warehouse, tenant_id: string): Promise<Map<string, string>> {
  const result = await warehouse.query({
    query: 'SELECT fact, day, toString(max(generation)) AS generation FROM published_days WHERE tenant_id = {tenant_id:String} GROUP BY fact, day',
    query_params: { tenant_id },
    format: 'JSONEachRow',
  })
  return new Map((await result.json<FactDay & { generation: string }>()).map((row) => [keyOf(row), row.generation]))
}

/** Tells of a day whether it was published anew since `before`, or has marks that no refresh has settled. */
export async function movingDays(
  { warehouse, facts, models }: { warehouse: Warehouse; facts: FactStore; models: readonly Model[] },
  tenant_id: string,
  before: ReadonlyMap<string, string>,
): Promise<(day: FactDay) => boolean> {
  const anchors = (await facts.unsettledMarks()).filter((mark) => mark.tenant_id === tenant_id)
  const reached = new Map<string, Set<string>>()
  for (const { entity, day } of await facts.daysReached(anchors)) reached.set(entity, (reached.get(entity) ?? new Set()).add(day))
  const after = await publishedGenerations(warehouse, tenant_id)
  const inputs = new Map(models.map(({ fact, from }) => [fact, from]))
  return ({ fact, day }) =>
    before.get(keyOf({ fact, day })) !== after.get(keyOf({ fact, day })) ||
    (inputs.get(fact) ?? []).some((entity) => reached.get(entity)?.has(day) === true)
}
