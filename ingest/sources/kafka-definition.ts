/** Kafka topics, as a kind of source. */
import { entityNames } from '../records/index.ts'
import type { SourceDefinition } from './definition.ts'
import { createKafkaSource, type KafkaOptions } from './kafka.ts'

export const kafka: SourceDefinition = {
  kind: 'kafka',
  spec: {
    title: 'Kafka',
    entities: entityNames,
    auth: 'librdkafka settings (SASL, TLS)',
    cursor: 'a ledger of offsets per partition',
    look_back: 'none: a log is read once',
    rate_limits: 'none',
    late_fields: 'whatever a later message says; versions decide',
  },
  options: {
    brokers: { about: 'host:port of some brokers', is_required: true },
    topics: { about: 'the topics to read', is_required: true },
    group_id: { about: 'the consumer group', is_required: true },
    settings: { about: 'more librdkafka settings: security, client.id, …' },
    payloads: { about: 'topics that carry a system’s own payloads: { topic: { parser, entity } }' },
  },
  create: (settings) => createKafkaSource(settings as unknown as KafkaOptions),
}
