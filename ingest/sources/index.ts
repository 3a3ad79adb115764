/** Every kind of source, by name: adding one is a line here, a file beside it, and its options in config.ts. */
import { CallhouseError } from '../../errors.ts'
import type { Source } from '../source.ts'
import { createAsteriskSource, type AsteriskOptions } from './asterisk/asterisk.ts'
import { createKafkaSource, type KafkaOptions } from './kafka.ts'
import { createPretendSource, type PretendOptions } from './pretend.ts'

/** What each kind needs beside id and tenant. */
export interface SourceOptions {
  pretend: PretendOptions
  asterisk: AsteriskOptions
  kafka: KafkaOptions
}

export type SourceKind = keyof SourceOptions

/** A source as configured: whose it is, what it is, and what its kind needs. */
export type SourceConfig = { [K in SourceKind]: { id: string; tenant: string; kind: K } & SourceOptions[K] }[SourceKind]

/** The source that a configuration describes; throws config_invalid for an unknown kind or options it cannot work with. */
export function createSource(config: SourceConfig): Source {
  switch (config.kind) {
    case 'pretend':
      return createPretendSource(config)
    case 'asterisk':
      return createAsteriskSource(config)
    case 'kafka':
      return createKafkaSource(config)
    default:
      throw new CallhouseError('config_invalid', `Source "${(config as { id: string }).id}" is of an unknown kind. Known: pretend, asterisk, kafka.`)
  }
}
