/** What can be asked: metrics and dimensions with their definitions. */
import { dimensions } from '../../transform/dimensions.ts'
import { metrics } from '../../transform/metrics/index.ts'
import { hasDimension } from '../../transform/query-request.ts'
import { grains } from '../../transform/time-range.ts'
import type { Api } from '../api.ts'
import { listMetrics } from '../schemas/query.ts'

const names = Object.keys(dimensions) as (keyof typeof dimensions)[]

const catalogue = {
  metrics: metrics.map(({ name, label, unit, type, meaning, formula, variant, attribution, source, ...rest }) => ({
    name,
    label,
    unit,
    type,
    meaning,
    formula,
    variant: variant ?? null,
    attribution,
    source,
    dimensions: names.filter((dimension) => hasDimension({ name, label, unit, type, meaning, formula, attribution, source, ...rest }, dimension)),
  })),
  dimensions: names.map((name) => ({ name, label: dimensions[name].label, meaning: dimensions[name].meaning })),
  grains: [...grains],
}

export function addCatalogue(api: Api): void {
  api.get('/v1/metrics', { schema: listMetrics, config: { scope: 'read' } }, () => catalogue)
}
