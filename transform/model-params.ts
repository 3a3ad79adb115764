/** The parameters every model takes: tenants' days, and the anchor days of each core table it reads. */
import { TupleParam } from '@clickhouse/client'
import type { TenantDay } from './fact-store.ts'
import type { Model } from './load-models.ts'

/** `anchors` is by entity; an entity without any is not read. */
export function modelParams(model: Model, days: readonly TenantDay[], anchors: ReadonlyMap<string, readonly TenantDay[]>): Record<string, unknown> {
  const limits = model.from.map((entity) => [`${entity}_anchors`, tuples(anchors.get(entity) ?? [])])
  return { days: tuples(days), ...(Object.fromEntries(limits) as Record<string, TupleParam[]>) }
}

function tuples(days: readonly TenantDay[]): TupleParam[] {
  return days.map(({ tenant_id, day }) => new TupleParam([tenant_id, day]))
}
