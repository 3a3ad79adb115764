/** A conversation that was analysed, as records: what was said, how it sounded, and which categories it fell into. */
import type { CanonicalRecord } from '../../records/index.ts'

export type Speaker = 'agent' | 'customer' | 'system'
type Label = 'positive' | 'negative' | 'neutral' | 'mixed'

export interface Turn {
  speaker: Speaker
  start_ms: number
  end_ms: number
  text: string
  confidence?: number | null
  label?: Label | undefined
  /** -1 to 1. */
  score?: number | null
  payload: string
}

export interface Conversation {
  /** Of the analysis, and the beginning of the ids of all that is in it. */
  id: string
  recording_id: string
  call_id: string
  leg_id: string
  engine: string
  language: string
  /** When the conversation was: it does not change with the analysis. */
  created_ms: number
  version: number
  confidence?: number | null
  /** What is kept of the analysis beside the turns. */
  payload: string
  turns: readonly Turn[]
  /** How each speaker sounded over all, -1 to 1. */
  speakers: readonly { speaker: Speaker; score: number; payload: string }[]
  categories: readonly { name: string; begin_ms: number | null; end_ms: number | null }[]
}

export function conversationRecords(conversation: Conversation): CanonicalRecord[] {
  const { id, recording_id, call_id, created_ms, version, engine: model } = conversation
  const base = { anchor_at: created_ms, version }
  const about = { recording_id, call_id, model, created_at: created_ms }
  const records: CanonicalRecord[] = [
    {
      entity: 'transcripts',
      record: {
        ...base,
        native_id: id,
        payload: conversation.payload,
        recording_id,
        call_id,
        engine: conversation.engine,
        language: conversation.language,
        created_at: created_ms,
        text: conversation.turns.map(({ text }) => text).join('\n'),
        confidence: conversation.confidence ?? null,
      },
    },
  ]
  for (const [seq, turn] of conversation.turns.entries()) {
    const { speaker, start_ms, end_ms, text, confidence = null, label, score = null, payload } = turn
    const native_id = `${id}/${seq}`
    const channel = speaker === 'agent' ? 1 : 0
    records.push({
      entity: 'transcript_turns',
      record: { ...base, native_id, payload, transcript_id: id, recording_id, seq, speaker, channel, start_ms, end_ms, text, confidence },
    })
    if (label === undefined) continue
    const heard = { ...base, ...about, native_id: `${native_id}/sentiment`, payload: JSON.stringify({ label, score }) }
    records.push({ entity: 'sentiment', record: { ...heard, scope: 'turn', speaker, turn_seq: seq, label, score } })
  }
  for (const { speaker, score, payload } of conversation.speakers) {
    const label = score > 0 ? 'positive' : score < 0 ? 'negative' : 'neutral'
    const native_id = `${id}/${speaker}/sentiment`
    records.push({ entity: 'sentiment', record: { ...base, ...about, native_id, payload, scope: 'speaker', speaker, label, score } })
  }
  for (const [n, { name, begin_ms, end_ms }] of conversation.categories.entries()) {
    const attributes = JSON.stringify({ name, begin_ms, end_ms })
    const occurred_at = created_ms + (begin_ms ?? 0)
    const native_id = `${id}/category/${n}`
    const { leg_id } = conversation
    records.push({
      entity: 'call_events',
      record: { ...base, native_id, payload: attributes, call_id, leg_id, occurred_at, kind: 'category', attributes },
    })
  }
  return records
}
