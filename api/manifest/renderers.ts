/** The manifest's formats. To add one, add an entry: it turns an item into one line. */
import type { ManifestItem } from './manifest-row.ts'

export interface Renderer {
  content_type: string
  extension: string
  line: (item: ManifestItem) => string
}

export const renderers = {
  jsonl: { content_type: 'application/jsonl', extension: 'jsonl', line: (item) => JSON.stringify(item) },
  nemo: { content_type: 'application/jsonl', extension: 'nemo.jsonl', line: (item) => JSON.stringify(nemoItem(item)) },
} as const satisfies Record<string, Renderer>

export type ManifestFormat = keyof typeof renderers

/** NeMo's manifest: it reads the first keys and keeps the rest as `custom`. */
function nemoItem(item: ManifestItem): object {
  return {
    audio_filepath: item.audio_url,
    duration: item.duration_s,
    text: item.transcript?.text ?? '',
    ...(item.transcript?.language ? { lang: item.transcript.language } : {}),
    ...(item.sentiment ? { label: item.sentiment.label, score: item.sentiment.score, label_source: item.sentiment.model } : {}),
    // NeMo takes any audio with a sampling rate for mono.
    ...(item.channels === 1 && item.sample_rate !== null ? { sampling_rate: item.sample_rate } : {}),
    recording_id: item.recording_id,
    call_id: item.call_id,
    queue: item.queue,
    agent: item.agent,
    sha256: item.sha256,
    split: item.split,
    consent: item.consent,
    is_redacted: item.is_redacted,
  }
}
