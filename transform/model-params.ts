/** The parameters every model takes: the tenant, the days, and the anchor days of each core table it reads. */
import type { Model } from './load-models.ts'

export function modelParams(model: Model, tenant_id: string, days: string[], anchors: Map<string, string[]>): Record<string, unknown> {
  const limits = model.from.map((entity) => [`${entity}_anchor_days`, anchors.get(entity) ?? []])
  return { tenant_id, days, ...(Object.fromEntries(limits) as Record<string, string[]>) }
}
