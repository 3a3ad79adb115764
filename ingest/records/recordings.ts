/** Recordings and what was understood from them. */
import { entity, type RecordOf } from './entity.ts'
import { count, durationMs, flag, float, name, oneOf, optionalCount, optionalTime, requiredText, text, time } from './field.ts'

export const recordingStatuses = ['processing', 'completed', 'absent', 'failed'] as const
export const sentimentLabels = ['positive', 'negative', 'neutral', 'mixed'] as const
export const speakers = ['agent', 'customer', 'system'] as const

export const recordings = entity('recordings', ['started_at'], {
  call_id: requiredText(),
  leg_id: text(),
  queue_id: name(),
  agent_id: name(),
  customer_number: text(),
  started_at: time(),
  duration_ms: durationMs(),
  channels: count(),
  sample_rate_hz: count(),
  codec: name(),
  uri: text(),
  bytes: count(),
  sha256: text(),
  status: oneOf(recordingStatuses),
  consent_basis: name(),
  consent_scope: name(),
  is_redacted: flag(),
  delete_at: optionalTime(),
})

export const transcripts = entity('transcripts', ['created_at'], {
  recording_id: requiredText(),
  call_id: text(),
  engine: name(),
  language: name(),
  created_at: time(),
  text: text(),
  confidence: float(),
})

export const transcriptTurns = entity('transcript_turns', [], {
  transcript_id: requiredText(),
  recording_id: requiredText(),
  seq: count(),
  speaker: oneOf(speakers),
  channel: count(),
  start_ms: durationMs(),
  end_ms: durationMs(),
  text: text(),
  confidence: float(),
})

/** How a call, or one speaker's or turn's part of it, sounded; score is -1 to 1. */
export const sentiment = entity('sentiment', ['created_at'], {
  recording_id: requiredText(),
  call_id: text(),
  scope: oneOf(['call', 'speaker', 'turn'] as const),
  speaker: name(),
  turn_seq: optionalCount(),
  label: oneOf(sentimentLabels),
  score: float(),
  confidence: float(),
  model: name(),
  created_at: time(),
})

export type Recording = RecordOf<typeof recordings>
export type Transcript = RecordOf<typeof transcripts>
export type TranscriptTurn = RecordOf<typeof transcriptTurns>
export type Sentiment = RecordOf<typeof sentiment>
