/** What Amazon's post-call analytics makes of a recording: much like Contact Lens, with seconds, and local times beside a zone's name. */
import { DateTime, IANAZone } from 'luxon'
import { FieldError } from '../../records/field.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import { listAt, numberAt, objectAt, textAt, type Json } from './json-fields.ts'
import { conversationRecords, type Conversation, type Speaker } from './transcript.ts'

/** Scores are from -5 to 5. */
const MOST = 5

/** Reads an analysis; throws FieldError for a member that is wrong. */
export function readPostCallAnalytics(document: Json): CanonicalRecord[] {
  const analytics = objectAt(document, 'ConversationAnalytics')
  const job = listAt(analytics, 'SourceInformation').map((source) => objectAt(source, 'TranscribeJobInfo'))[0] ?? {}
  const guid = textAt(analytics, 'GUID')
  const id = guid !== '' && guid !== 'None' ? guid : textAt(job, 'TranscriptionJobName')
  if (id === '') throw new FieldError('native_id is required: neither GUID nor TranscriptionJobName is there')
  const names = new Map(listAt(analytics, 'SpeakerLabels').map((label) => [textAt(label, 'Speaker'), textAt(label, 'DisplayText')]))
  const speakerOf = (label: string): Speaker => speakerNamed(names.get(label) ?? '')
  const zone = textAt(analytics, 'ConversationLocation')
  const conversation: Conversation = {
    id: `${id}/post-call-analytics`,
    recording_id: id,
    call_id: guid === id ? guid : '',
    leg_id: '',
    engine: 'post-call-analytics',
    language: textAt(analytics, 'LanguageCode'),
    created_ms: localTime(textAt(analytics, 'ConversationTime'), zone, 'ConversationTime'),
    version: localTime(textAt(analytics, 'ProcessTime') || textAt(analytics, 'ConversationTime'), zone, 'ProcessTime'),
    confidence: numberAt(job, 'AverageWordConfidence'),
    payload: JSON.stringify({ ConversationAnalytics: analytics }),
    turns: listAt(document, 'SpeechSegments').map((segment) => ({
      speaker: segment['IVRSegment'] === true ? 'system' : speakerOf(textAt(segment, 'SegmentSpeaker')),
      start_ms: millis(segment, 'SegmentStartTime'),
      end_ms: millis(segment, 'SegmentEndTime'),
      text: textAt(segment, 'DisplayText') || textAt(segment, 'OriginalText'),
      confidence: wordConfidence(segment),
      score: scoreOf(segment, 'SentimentScore'),
      label: segment['SentimentIsPositive'] ? 'positive' : segment['SentimentIsNegative'] ? 'negative' : 'neutral',
      payload: JSON.stringify(segment),
    })),
    speakers: Object.keys(objectAt(analytics, 'SentimentTrends')).map((label) => {
      const trend = objectAt(objectAt(analytics, 'SentimentTrends'), label)
      return { speaker: speakerOf(label), score: scoreOf(trend, 'SentimentScore'), payload: JSON.stringify({ [label]: trend }) }
    }),
    categories: listAt(analytics, 'CategoriesDetected').flatMap((category) => categoryOf(category)),
  }
  return conversationRecords(conversation)
}

/** A category that the absence of something matched has no places. */
function categoryOf(category: Json): Conversation['categories'][number][] {
  const name = textAt(category, 'Name')
  const places = listAt(category, 'Timestamps')
  if (places.length === 0) return [{ name, begin_ms: null, end_ms: null }]
  return places.map((place) => ({ name, begin_ms: millis(place, 'BeginOffsetSecs'), end_ms: millis(place, 'EndOffsetSecs') }))
}

/** How sure the words of a turn are on average; null where none are told. */
function wordConfidence(segment: Json): number | null {
  const words = listAt(segment, 'WordConfidence').map((word) => numberAt(word, 'Confidence') ?? 0)
  return words.length === 0 ? null : words.reduce((sum, one) => sum + one, 0) / words.length
}

function millis(object: Json, name: string): number {
  return Math.round((numberAt(object, name) ?? 0) * 1000)
}

function scoreOf(object: Json, name: string): number {
  const score = object[name] ?? 0
  if (typeof score !== 'number' || Math.abs(score) > MOST) throw new FieldError(`${name} is not a number from -${MOST} to ${MOST}`)
  return score / MOST
}

function speakerNamed(name: string): Speaker {
  return /agent/i.test(name) ? 'agent' : /customer|caller/i.test(name) ? 'customer' : 'system'
}

/** `2021-11-25 13:35:14.215558` in the zone the document names; without a zone it is no time. */
function localTime(text: string, zone: string, name: string): number {
  if (!IANAZone.isValidZone(zone)) throw new FieldError(`${name} has no zone: ConversationLocation is not the name of one`)
  const time = DateTime.fromSQL(text, { zone })
  if (!time.isValid) throw new FieldError(`${name} is not a time`)
  return time.toMillis()
}
