/** What RingSense understood of a recording: transcript, turns and sentiment. */
import type { CanonicalRecord } from '../../records/index.ts'
import type { Sentiment } from '../../records/recordings.ts'
import { idAt, objectAt, objectsAt, optionalTimeAt, requiredId, secondsAt, textAt, timeAt, tombstone, type Json } from './json-fields.ts'

const ENGINE = 'ringsense'

/** Throws InputFault for what names no recording. */
export function readInsights(body: Json): { records: CanonicalRecord[] } {
  const recording_id = requiredId(body, 'sourceRecordId')
  const call_id = idAt(body, 'sourceSessionId')
  const created_at = timeAt(body, 'creationTime')
  const version = optionalTimeAt(body, 'lastModifiedTime') ?? created_at
  const native_id = `${ENGINE}/${recording_id}`
  if (body['eventType'] === 'Delete')
    return { records: (['transcripts', 'sentiment'] as const).map((entity) => tombstone(entity, native_id, created_at, version)) }
  const insights = objectAt(body, 'insights')
  const ours = new Set(objectsAt(body, 'speakerInfo').flatMap((speaker) => (idAt(speaker, 'extensionId') ? [idAt(speaker, 'speakerId')] : [])))
  const turns = objectsAt(insights, 'Transcript')
  const envelope = { anchor_at: created_at, version }
  const records: CanonicalRecord[] = turns.map((turn, seq) => ({
    entity: 'transcript_turns',
    record: {
      ...envelope,
      native_id: `${native_id}/${String(seq).padStart(5, '0')}`,
      payload: JSON.stringify(turn),
      transcript_id: native_id,
      recording_id,
      seq,
      speaker: ours.has(idAt(turn, 'speakerId')) ? 'agent' : 'customer',
      start_ms: secondsAt(turn, 'start'),
      end_ms: secondsAt(turn, 'end'),
      text: textAt(turn, 'text'),
    },
  }))
  if (turns.length > 0) {
    const text = turns.map((turn) => textAt(turn, 'text') ?? '').join('\n')
    const { insights: _, ...rest } = body
    records.push({
      entity: 'transcripts',
      record: { ...envelope, native_id, payload: JSON.stringify(rest), recording_id, call_id, engine: ENGINE, created_at, text },
    })
  }
  for (const sentiment of objectsAt(insights, 'Sentiment').slice(0, 1)) {
    const label = textAt(sentiment, 'value')?.toLowerCase() as Sentiment['label']
    records.push({
      entity: 'sentiment',
      record: { ...envelope, native_id, payload: JSON.stringify(sentiment), recording_id, call_id, scope: 'call', label, model: ENGINE, created_at },
    })
  }
  return { records }
}
