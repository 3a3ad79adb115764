/** Twilio's Recordings, which hang on the parent leg, and the Transcriptions made of them. */
import type { CanonicalRecord } from '../../records/index.ts'
import { FieldError } from '../../records/field.ts'
import { countOf, createdOf, MissingIdentity, secondsOf, sidOf, textOf, timeOf, versionOf, type Item } from './values.ts'

const statuses: Readonly<Record<string, { rank: number; status: 'processing' | 'completed' | 'absent' }>> = {
  'in-progress': { rank: 1, status: 'processing' },
  paused: { rank: 2, status: 'processing' },
  stopped: { rank: 3, status: 'processing' },
  processing: { rank: 4, status: 'processing' },
  completed: { rank: 6, status: 'completed' },
  absent: { rank: 6, status: 'absent' },
  // The sound is gone and the metadata follows it after 40 days.
  deleted: { rank: 9, status: 'absent' },
}

/** Throws FieldError. A deleted recording is a tombstone. */
export function readRecording(item: Item, payload: string, base: string): CanonicalRecord[] {
  const native_id = sidOf(item, 'sid')
  const created_ms = createdOf(item)
  const word = textOf(item, 'status')
  const status = Object.hasOwn(statuses, word) ? statuses[word] : undefined
  if (!status) throw new FieldError('status is none that Twilio documents for a recording')
  const leg_id = textOf(item, 'call_sid')
  const call_id = leg_id || textOf(item, 'conference_sid')
  if (call_id === '') throw new MissingIdentity('call_sid and conference_sid are missing')
  // While it runs its length is not known, and is sent as -1 or as nothing.
  const is_running = status.status === 'processing'
  const duration_ms = is_running && Number(item['duration']) === -1 ? 0 : (secondsOf(item, 'duration') ?? 0)
  return [
    {
      entity: 'recordings',
      record: {
        native_id,
        anchor_at: created_ms,
        version: versionOf(timeOf(item, 'date_updated') ?? created_ms, status.rank * 100 + (textOf(item, 'price') === '' ? 0 : 50)),
        is_deleted: word === 'deleted',
        payload,
        call_id,
        leg_id,
        started_at: timeOf(item, 'start_time') ?? created_ms,
        duration_ms,
        channels: countOf(item, 'channels') ?? 0,
        uri: textOf(item, 'media_url') || mediaUri(textOf(item, 'uri'), base),
        status: status.status,
      },
    },
  ]
}

/** The sound is where the metadata is, less the ending. */
function mediaUri(uri: string, base: string): string {
  return uri.startsWith('/') ? base + uri.replace(/\.json$/, '') : ''
}

const transcriptRanks: Readonly<Record<string, number>> = { 'in-progress': 1, completed: 5, failed: 5 }

/** Throws FieldError. Twilio does not say which call it is of: the recording does. */
export function readTranscription(item: Item, payload: string): CanonicalRecord[] {
  const native_id = sidOf(item, 'sid')
  const created_ms = createdOf(item)
  const word = textOf(item, 'status')
  const rank = Object.hasOwn(transcriptRanks, word) ? transcriptRanks[word] : undefined
  if (rank === undefined) throw new FieldError('status is none that Twilio documents for a transcription')
  const is_priced = item['price'] !== undefined && item['price'] !== null
  return [
    {
      entity: 'transcripts',
      record: {
        native_id,
        anchor_at: created_ms,
        version: versionOf(timeOf(item, 'date_updated') ?? created_ms, rank * 100 + (is_priced ? 50 : 0)),
        payload,
        recording_id: sidOf(item, 'recording_sid'),
        engine: 'twilio',
        created_at: created_ms,
        text: textOf(item, 'transcription_text'),
      },
    },
  ]
}
