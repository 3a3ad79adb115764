/** What /v1/recordings takes and gives. */
import { Type } from 'typebox'
import { oneOf, range, streamed } from './common.ts'

export const recordingManifest = {
  summary: 'Completed recordings as a training manifest',
  description:
    'One line per recording: audio address, transcript, sentiment, consent and a split that never moves. No phone numbers; agents are pseudonyms.',
  tags: ['recordings'],
  querystring: Type.Object(
    {
      ...range,
      format: Type.Optional(oneOf(['jsonl', 'nemo'], { default: 'jsonl' })),
      queue: Type.Optional(Type.String({ description: 'Only recordings of this queue id' })),
      split: Type.Optional(oneOf(['train', 'validation', 'test'])),
      consent_scope: Type.Optional(Type.String({ description: 'Only recordings whose consent has this scope' })),
      seed: Type.Optional(Type.String({ description: 'Another seed gives other splits', default: 'callhouse', maxLength: 64 })),
    },
    { additionalProperties: false },
  ),
  response: streamed('The manifest', ['application/jsonl']),
}

export const recordingAudio = {
  summary: 'The audio of a recording',
  tags: ['recordings'],
  params: Type.Object({ id: Type.String({ maxLength: 512 }) }),
  querystring: Type.Object(
    {
      source_id: Type.Optional(Type.String({ description: 'Needed when two sources have a recording of this id' })),
      anchor_day: Type.Optional(
        Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\d$', description: 'From the record or the manifest; makes the look-up fast' }),
      ),
    },
    { additionalProperties: false },
  ),
  response: streamed('The audio', ['audio/wav', 'application/octet-stream']),
}
