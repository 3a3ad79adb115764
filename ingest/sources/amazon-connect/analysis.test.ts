import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { CanonicalRecord, EntityName } from '../../records/index.ts'
import { ChainBook } from './chain-book.ts'
import { readPayload } from './payloads.ts'
import { analysis } from './test-payloads.ts'

type Json = Record<string, unknown>

function read(text: string): CanonicalRecord[] {
  const records = readPayload(text, new ChainBook())
  if (!Array.isArray(records)) throw new Error(records.reason)
  return records
}

function only<N extends EntityName>(entity: N, records: readonly CanonicalRecord[]) {
  return records.filter((item) => item.entity === entity).map(({ record }) => record as Extract<CanonicalRecord, { entity: N }>['record'])
}

const CREATED_MS = Date.parse('2026-03-01T09:00:00Z')

describe('Contact Lens', () => {
  const records = read(JSON.stringify(analysis()))
  const id = 'contact-1/contact-lens/raw'

  test('the transcript, whose payload leaves the turns to themselves', () => {
    const [transcript] = only('transcripts', records)
    expect(transcript).toMatchObject({
      native_id: id,
      anchor_at: CREATED_MS,
      recording_id: 'contact-1/recording/0',
      call_id: 'contact-1',
      engine: 'contact-lens',
      language: 'de-DE',
      created_at: CREATED_MS,
      text: 'Hallo, Zoë.\nIch kündige.',
    })
    expect(transcript!.payload).not.toContain('kündige')
  })

  test('turns', () => {
    expect(only('transcript_turns', records)).toMatchObject([
      { native_id: `${id}/0`, transcript_id: id, seq: 0, speaker: 'agent', channel: 1, start_ms: 0, end_ms: 2000, text: 'Hallo, Zoë.' },
      { native_id: `${id}/1`, transcript_id: id, seq: 1, speaker: 'customer', channel: 0, start_ms: 2500, end_ms: 4000, text: 'Ich kündige.' },
    ])
  })

  test('sentiment per turn and over all', () => {
    const told = only('sentiment', records).map(({ scope, speaker, turn_seq, label, score, call_id, model }) => ({
      ...{ scope, speaker, turn_seq, label, score },
      ...{ call_id, model },
    }))
    const about = { call_id: 'contact-1', model: 'contact-lens' }
    expect(told).toEqual([
      { scope: 'turn', speaker: 'agent', turn_seq: 0, label: 'neutral', score: null, ...about },
      { scope: 'turn', speaker: 'customer', turn_seq: 1, label: 'negative', score: null, ...about },
      { scope: 'speaker', speaker: 'customer', turn_seq: undefined, label: 'negative', score: -0.5, ...about },
      { scope: 'speaker', speaker: 'agent', turn_seq: undefined, label: 'neutral', score: 0, ...about },
    ])
  })

  test('categories, where they are and where they are of the whole call', () => {
    expect(only('call_events', records)).toMatchObject([
      { call_id: 'contact-1', kind: 'category', occurred_at: CREATED_MS + 2500, attributes: '{"name":"Cancellation","begin_ms":2500,"end_ms":4000}' },
      { call_id: 'contact-1', kind: 'category', occurred_at: CREATED_MS, attributes: '{"name":"NoGreeting","begin_ms":null,"end_ms":null}' },
    ])
  })

  test('the redacted analysis stands beside the raw one', () => {
    const [transcript] = only('transcripts', read(JSON.stringify(analysis({ ContentMetadata: { Output: 'Redacted' } }))))
    expect(transcript!.native_id).toBe('contact-1/contact-lens/redacted')
  })

  test.each<[Json, string]>([
    [{ CustomerMetadata: {} }, 'identity_missing'],
    [{ CustomerMetadata: { ContactId: 'c', InputS3Uri: 's3://bucket/call.wav' } }, 'field_invalid'],
    [{ Channel: 'CHAT' }, 'unknown_event'],
    [{ JobStatus: 'FAILED' }, 'unknown_event'],
    [{ ConversationCharacteristics: { Sentiment: { OverallSentiment: { P1: 'good' } } } }, 'field_invalid'],
    [{ Transcript: [{ ParticipantId: 'P1', BeginOffsetMillis: -1 }] }, 'field_invalid'],
  ])('%j is refused', (changes, code) => {
    expect(readPayload(JSON.stringify(analysis(changes)), new ChainBook())).toMatchObject({ code })
  })
})

describe('post-call analytics', () => {
  const path = '../shared/samples/contact-lens-like/pca-ui/src/lambda/testfile.json'

  test('the sample, field by field', (context) => {
    if (!existsSync(path)) return context.skip(`${path} is not here`)
    const text = readFileSync(path, 'utf8')
    const sample = JSON.parse(text) as { SpeechSegments: Json[] }
    const records = read(text)
    // The sample has no GUID: the job's name is the conversation's. 13:35:14 in New York is 18:35:14 UTC in November.
    const created_ms = Date.parse('2021-11-25T18:35:14.215Z')
    const name = 'stereo_std_1.mp3'
    const id = `${name}/post-call-analytics`
    const [transcript] = only('transcripts', records)
    expect(transcript).toMatchObject({
      native_id: id,
      anchor_at: created_ms,
      version: created_ms,
      recording_id: name,
      call_id: '',
      engine: 'post-call-analytics',
      language: 'en-US',
      created_at: created_ms,
      text: sample.SpeechSegments.map((segment) => segment['DisplayText']).join('\n'),
    })
    expect(transcript!.confidence).toBeCloseTo(0.8886, 4)

    const turns = only('transcript_turns', records)
    expect(turns.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect(turns.map(({ speaker }) => speaker)).toEqual(Array.from({ length: 6 }, () => ['agent', 'customer']).flat())
    const starts = [40, 640, 740, 3710, 7740, 9040, 11_340, 13_640, 18_040, 21_440, 24_840, 27_040]
    const ends = [250, 3700, 5840, 6160, 9250, 10_560, 12_750, 19_250, 20_460, 27_040, 25_350, 28_960]
    expect(turns.map(({ start_ms }) => start_ms)).toEqual(starts)
    expect(turns.map(({ end_ms }) => end_ms)).toEqual(ends)
    expect(turns.map(({ text: said }) => said)).toEqual(sample.SpeechSegments.map((segment) => segment['DisplayText']))
    expect(turns[0]).toMatchObject({ transcript_id: id, recording_id: name, confidence: 0.5748, channel: 1 })

    const sentiment = only('sentiment', records)
    const by_turn = sentiment.filter(({ scope }) => scope === 'turn')
    expect(by_turn.filter(({ label }) => label === 'positive').map(({ turn_seq, score }) => [turn_seq, score])).toEqual([[1, 1], [2, 1], [6, 1], [7, 1]]) // prettier-ignore
    expect(by_turn.filter(({ label, score }) => label === 'neutral' && score === 0)).toHaveLength(8)
    expect(sentiment.filter(({ scope }) => scope === 'speaker')).toMatchObject([
      { speaker: 'agent', label: 'positive', score: expect.closeTo(0.34, 9) },
      { speaker: 'customer', label: 'positive', score: expect.closeTo(0.34, 9) },
    ])
    expect(only('call_events', records)).toMatchObject([
      { kind: 'category', occurred_at: created_ms, attributes: '{"name":"Dummy_Missing","begin_ms":null,"end_ms":null}' },
    ])
    expect(records).toHaveLength(1 + 12 + 12 + 2 + 1)
  })

  const document = (changes: Json): string =>
    JSON.stringify({
      ConversationAnalytics: { GUID: 'g-1', ConversationTime: '2026-03-29 01:30:00', ConversationLocation: 'Europe/Berlin', ...changes },
    })

  test('an id of its own, places of categories, an IVR', () => {
    const analytics = { CategoriesDetected: [{ Name: 'Late', Timestamps: [{ BeginOffsetSecs: 1.5, EndOffsetSecs: 2 }] }] }
    const text = JSON.stringify({ ...(JSON.parse(document(analytics)) as Json), SpeechSegments: [{ IVRSegment: true, OriginalText: 'Press one' }] })
    const records = read(text)
    const [transcript] = only('transcripts', records)
    expect(transcript).toMatchObject({ recording_id: 'g-1', call_id: 'g-1', created_at: Date.parse('2026-03-29T00:30:00Z') })
    expect(only('transcript_turns', records)).toMatchObject([{ speaker: 'system', text: 'Press one' }])
    expect(only('call_events', records)).toMatchObject([{ attributes: '{"name":"Late","begin_ms":1500,"end_ms":2000}' }])
  })

  test.each<[Json, string]>([
    [{ GUID: 'None' }, 'identity_missing'],
    [{ ConversationLocation: '' }, 'field_invalid'],
    [{ ConversationTime: 'yesterday' }, 'field_invalid'],
    [{ SentimentTrends: { spk_0: { SentimentScore: 'high' } } }, 'field_invalid'],
  ])('%j is refused', (changes, code) => {
    expect(readPayload(document(changes), new ChainBook())).toMatchObject({ code })
  })
})
