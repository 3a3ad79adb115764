/** Whether text messages arrive, how fast, and at what price. */
import type { Report } from './report.ts'

export const smsDelivery: Report = {
  name: 'sms_delivery',
  title: 'SMS delivery',
  description: 'Messages per campaign and direction: delivered, failed, how long delivery took, and the cost per currency.',
  metrics: ['messages', 'delivered', 'undelivered', 'failed', 'delivery_rate', 'average_delivery_ms', 'segments', 'message_cost'],
  dimensions: ['campaign', 'direction', 'currency'],
  default_grain: '1d',
  order: [],
}
