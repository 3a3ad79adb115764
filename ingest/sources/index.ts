/** Every kind of source: adding one is a line here, and a file beside it. */
import { CallhouseError } from '../../errors.ts'
import type { Source } from '../source.ts'
import { amazonConnect } from './amazon-connect/definition.ts'
import { asterisk } from './asterisk/definition.ts'
import type { SourceDefinition, SourceSetup } from './definition.ts'
import { freeswitch } from './freeswitch/definition.ts'
import { files } from './files/definition.ts'
import { kafka } from './kafka-definition.ts'
import { pretend } from './pretend-definition.ts'
import { ringcentral } from './ringcentral/definition.ts'
import { twilio } from './twilio/definition.ts'
import { rest } from './rest/definition.ts'

export const sourceDefinitions: readonly SourceDefinition[] = [pretend, asterisk, kafka, twilio, freeswitch, rest, files, ringcentral, amazonConnect]

/** The kind of that name, or undefined. */
export function findDefinition(kind: string): SourceDefinition | undefined {
  return sourceDefinitions.find((definition) => definition.kind === kind)
}

/** The source that a configuration describes; throws config_invalid for an unknown kind or options it cannot work with. */
export function createSource(config: SourceSetup & { kind: string }): Source {
  const definition = findDefinition(config.kind)
  if (definition) return definition.create(config)
  const known = sourceDefinitions.map(({ kind }) => kind).join(', ')
  throw new CallhouseError('config_invalid', `Source "${config.id}" is of an unknown kind. Known: ${known}.`)
}
