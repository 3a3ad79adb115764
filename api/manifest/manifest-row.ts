/** A row of manifest.sql, and the manifest item every format is rendered from. */
import { createHmac } from 'node:crypto'
import { splitOf, type Split } from './split.ts'

export interface ManifestRow {
  source_id: string
  recording_id: string
  anchor_day: string
  call_id: string
  queue_id: string
  agent_id: string
  customer_number: string
  started_at: string
  duration_ms: number
  sample_rate_hz: number
  channels: number
  codec: string
  uri: string
  bytes: number
  sha256: string
  consent_basis: string
  consent_scope: string
  is_redacted: boolean
  delete_at: string | null
  text: string
  language: string
  engine: string
  sentiment_label: string
  sentiment_score: number | null
  sentiment_model: string
}

/** One recording as a training set needs it: no phone number, no agent's name. */
export interface ManifestItem {
  recording_id: string
  source_id: string
  audio_url: string
  source_uri: string | null
  duration_s: number
  sample_rate: number | null
  channels: number | null
  codec: string
  bytes: number
  sha256: string
  transcript: { text: string; language: string; engine: string } | null
  sentiment: { label: string; score: number | null; model: string } | null
  queue: string
  /** HMAC-SHA256 of the agent under the tenant's key; null without a key or an agent. */
  agent: string | null
  call_id: string
  started_at: string
  split: Split
  consent: { basis: string; scope: string }
  is_redacted: boolean
  retention_until: string | null
}

export interface ManifestContext {
  /** Our own address, without a trailing slash. */
  base_url: string
  seed: string
  pseudonym_key: string | Buffer | undefined
}

/** Turns a row into an item. */
export function manifestItem(row: ManifestRow, { base_url, seed, pseudonym_key }: ManifestContext): ManifestItem {
  const where = new URLSearchParams({ source_id: row.source_id, anchor_day: row.anchor_day })
  return {
    recording_id: row.recording_id,
    source_id: row.source_id,
    audio_url: `${base_url}/v1/recordings/${encodeURIComponent(row.recording_id)}/audio?${where.toString()}`,
    source_uri: publicUri(row.uri),
    duration_s: row.duration_ms / 1000,
    sample_rate: row.sample_rate_hz || null,
    channels: row.channels || null,
    codec: row.codec,
    bytes: row.bytes,
    sha256: row.sha256,
    transcript: row.text === '' ? null : { text: row.text, language: row.language, engine: row.engine },
    sentiment: row.sentiment_label === '' ? null : { label: row.sentiment_label, score: row.sentiment_score, model: row.sentiment_model },
    queue: row.queue_id,
    agent: pseudonym(pseudonym_key, row.agent_id),
    call_id: row.call_id,
    started_at: row.started_at,
    split: splitOf(seed, row),
    consent: { basis: row.consent_basis, scope: row.consent_scope },
    is_redacted: row.is_redacted,
    retention_until: row.delete_at,
  }
}

function pseudonym(key: string | Buffer | undefined, agent_id: string): string | null {
  return key === undefined || agent_id === '' ? null : createHmac('sha256', key).update(agent_id).digest('hex')
}

/** A provider's address without what may be secret in it: credentials and signed query strings. */
function publicUri(uri: string): string | null {
  if (uri === '') return null
  if (!URL.canParse(uri)) return uri.split('?')[0] ?? null
  const url = new URL(uri)
  url.username = ''
  url.password = ''
  url.search = ''
  url.hash = ''
  return url.href
}
