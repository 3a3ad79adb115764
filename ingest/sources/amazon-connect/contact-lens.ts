/** A Contact Lens analysis of a call. It has no time of its own: that is in the name of the recording it is of. */
import { FieldError, timeToMs } from '../../records/field.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import { isObject, listAt, numberAt, objectAt, textAt, type Json } from './json-fields.ts'
import { conversationRecords, type Conversation, type Speaker } from './transcript.ts'

/** Scores over all are from -5 to 5. */
const MOST = 5
const labels = new Map([
  ['POSITIVE', 'positive'],
  ['NEGATIVE', 'negative'],
  ['NEUTRAL', 'neutral'],
  ['MIXED', 'mixed'],
] as const)

/** Reads an analysis; throws FieldError for a member that is wrong. `InitialContactId` is not in it: the call is the contact's. */
export function readContactLens(analysis: Json): CanonicalRecord[] {
  const metadata = objectAt(analysis, 'CustomerMetadata')
  const contact_id = textAt(metadata, 'ContactId')
  const uri = textAt(metadata, 'InputS3Uri')
  const output = textAt(objectAt(analysis, 'ContentMetadata'), 'Output').toLowerCase() || 'raw'
  const { Transcript: _, ...rest } = analysis
  const roles = new Map(listAt(analysis, 'Participants').map((one) => [textAt(one, 'ParticipantId'), textAt(one, 'ParticipantRole')]))
  const speakerOf = (participant: string): Speaker => speakerNamed(roles.get(participant) ?? participant)
  const conversation: Conversation = {
    id: `${contact_id}/contact-lens/${output}`,
    recording_id: `${contact_id}/recording/0`,
    call_id: contact_id,
    leg_id: contact_id,
    engine: 'contact-lens',
    language: textAt(analysis, 'LanguageCode'),
    created_ms: startedAt(uri),
    version: 1,
    payload: JSON.stringify(rest),
    turns: listAt(analysis, 'Transcript').map((turn) => ({
      speaker: speakerOf(textAt(turn, 'ParticipantId')),
      start_ms: numberAt(turn, 'BeginOffsetMillis') ?? 0,
      end_ms: numberAt(turn, 'EndOffsetMillis') ?? 0,
      text: textAt(turn, 'Content'),
      label: labels.get(textAt(turn, 'Sentiment') as 'MIXED'),
      payload: JSON.stringify(turn),
    })),
    speakers: overall(analysis, speakerOf),
    categories: categoriesOf(objectAt(analysis, 'Categories')),
  }
  return conversationRecords(conversation)
}

function overall(analysis: Json, speakerOf: (participant: string) => Speaker): Conversation['speakers'] {
  const scores = objectAt(objectAt(objectAt(analysis, 'ConversationCharacteristics'), 'Sentiment'), 'OverallSentiment')
  return Object.entries(scores).map(([participant, score]) => {
    if (typeof score !== 'number' || Math.abs(score) > MOST) throw new FieldError(`OverallSentiment is not a number from -${MOST} to ${MOST}`)
    return { speaker: speakerOf(participant), score: score / MOST, payload: JSON.stringify({ [participant]: score }) }
  })
}

/** A category without a point of interest is one of the whole call. */
function categoriesOf(categories: Json): Conversation['categories'] {
  const matched = categories['MatchedCategories']
  const names = Array.isArray(matched) ? (matched as unknown[]).filter((name) => typeof name === 'string') : []
  const details = objectAt(categories, 'MatchedDetails')
  return names.flatMap((name) => {
    const points = listAt(isObject(details[name]) ? details[name] : {}, 'PointsOfInterest')
    if (points.length === 0) return [{ name, begin_ms: null, end_ms: null }]
    return points.map((point) => ({ name, begin_ms: numberAt(point, 'BeginOffsetMillis'), end_ms: numberAt(point, 'EndOffsetMillis') }))
  })
}

function speakerNamed(role: string): Speaker {
  return role === 'AGENT' ? 'agent' : role === 'CUSTOMER' ? 'customer' : 'system'
}

/** `…/<contact>_20260301T09:00_UTC.wav`: the minute the contact began. */
function startedAt(uri: string): number {
  const [, y, m, d, time] = /_(\d{4})(\d\d)(\d\d)T(\d\d:\d\d)_UTC\.\w+$/.exec(uri) ?? []
  if (time === undefined) throw new FieldError('InputS3Uri does not end in the time of the recording (_YYYYMMDDTHH:MM_UTC)')
  return timeToMs(`${y}-${m}-${d}T${time}Z`)
}
