/** The only importer of node-rdkafka: it is large and native, and everything but Kafka works without it. */
import type { KafkaConsumer, LibrdKafkaError, Message } from 'node-rdkafka'
import { CallhouseError } from '../errors.ts'

export type KafkaModule = typeof import('node-rdkafka')
export type { KafkaConsumer, LibrdKafkaError, Message as KafkaMessage }

/** node-rdkafka, or an error that says how to get it. */
export async function loadKafka(load: () => Promise<unknown> = () => import('node-rdkafka')): Promise<KafkaModule> {
  try {
    const loaded = (await load()) as KafkaModule & { default?: KafkaModule }
    return loaded.default ?? loaded
  } catch (cause) {
    throw new CallhouseError(
      'dependency_missing',
      'Kafka sources need node-rdkafka, which is not installed or not built. Run "npm install node-rdkafka" with a C++ compiler, make and python3 at hand (it builds librdkafka for about two minutes), then start again.',
      { cause },
    )
  }
}
