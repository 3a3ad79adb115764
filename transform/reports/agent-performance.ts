/** What each agent handled, and how their time was spent. */
import type { Report } from './report.ts'

export const agentPerformance: Report = {
  name: 'agent_performance',
  title: 'Agent performance',
  description: 'Calls handled per agent, handle times, missed rings, time in each state and occupancy.',
  metrics: [
    'handled',
    'aht_ms',
    'average_talk_ms',
    'average_hold_ms',
    'average_wrap_up_ms',
    'transfer_rate',
    'ring_no_answer',
    'logged_in_ms',
    'available_ms',
    'talking_ms',
    'paused_ms',
    'occupancy',
  ],
  dimensions: ['agent'],
  default_grain: 'none',
  order: [],
}
