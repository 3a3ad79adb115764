/** How many calls, when, in which direction. */
import type { Report } from './report.ts'

export const callVolume: Report = {
  name: 'call_volume',
  title: 'Call volume',
  description: 'Calls over time by direction, how many were answered or missed, and how long they lasted.',
  metrics: [
    'calls',
    'calls_answered',
    'calls_missed',
    'calls_abandoned',
    'calls_to_voicemail',
    'call_answer_rate',
    'call_talk_ms',
    'average_call_talk_ms',
  ],
  dimensions: ['direction'],
  default_grain: '1d',
  order: [],
}
