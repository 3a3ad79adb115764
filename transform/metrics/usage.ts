/** Rated usage, as the phone company's bill states it: per calendar day, category, unit and currency. */
import { metricsOf } from './metric.ts'

const { money } = metricsOf({ fact: 'fact_usage', attribution: 'calendar day of the bill, whatever the zone', source: 'Callhouse' })

export const usageMetrics = [
  money({
    name: 'usage_quantity',
    label: 'Usage',
    unit: 'number',
    meaning: 'Quantity used, per category and unit: categories may overlap and units differ, so they are never added.',
    formula: 'Σ quantity',
    implies: ['category', 'unit'],
    expression: 'sum(quantity)',
  }),
  money({
    name: 'usage_price',
    label: 'Usage price',
    meaning: 'Price of the usage, per category and currency: categories may overlap, so they are never added.',
    formula: 'Σ price',
    implies: ['category', 'currency'],
    expression: 'sum(price)',
  }),
]
