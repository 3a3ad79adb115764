/** What the phone company billed. */
import type { Report } from './report.ts'

export const billingUsage: Report = {
  name: 'billing_usage',
  title: 'Billing usage',
  description: 'Quantity and price per account, category, unit and currency, per calendar day of the bill.',
  metrics: ['usage_quantity', 'usage_price'],
  dimensions: ['account', 'category', 'unit', 'currency'],
  default_grain: '1d',
  order: [],
}
