/** Amazon Connect's exported streams, as a kind of source. */
import type { SourceDefinition } from '../definition.ts'
import { connectEntities, createAmazonConnectSource, type AmazonConnectOptions } from './amazon-connect.ts'

export const amazonConnect: SourceDefinition = {
  kind: 'amazon-connect',
  spec: {
    title: 'Amazon Connect',
    entities: connectEntities,
    auth: 'read access to the directory; through Kafka, the topic’s (payloads: { topic: { parser: amazon-connect, entity: calls } })',
    cursor: 'a byte offset per file; new files and what is appended are followed',
    look_back: 'none: contacts are delivered again when they change, and the greatest LastUpdateTimestamp wins',
    rate_limits: 'none',
    late_fields:
      'a contact’s later versions (attributes, recordings, after-contact work); later contacts of a transferred call, for a day after the last one; Contact Lens files after the call',
  },
  options: {
    path: { about: 'the directory with contact records, agent events and Contact Lens files (.ndjson, .jsonl, .json, .gz)', is_required: true },
  },
  create: (settings) => createAmazonConnectSource(settings as unknown as AmazonConnectOptions),
}
