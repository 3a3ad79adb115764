/**
 * The names behind the ids: people, extensions, queues, numbers, contacts. They
 * change slowly; a record per period where the source has a history (native_id
 * then ends in `@` and valid_from), else one record that is overwritten.
 */
import { entity, type RecordOf } from './entity.ts'
import { durationMs, flag, name, optionalTime, requiredText, text } from './field.ts'

export const users = entity('users', [], {
  user_id: requiredText(),
  name: text(),
  email: text(),
  extension_id: name(),
  team: name(),
  is_agent: flag(),
  valid_from: optionalTime(),
  valid_to: optionalTime(),
})

export const extensions = entity('extensions', [], {
  extension_id: requiredText(),
  number: text(),
  user_id: name(),
  kind: name(),
  valid_from: optionalTime(),
  valid_to: optionalTime(),
})

export const queues = entity('queues', [], {
  queue_id: requiredText(),
  name: text(),
  service_level_threshold_ms: durationMs(),
  short_abandon_threshold_ms: durationMs(),
  time_zone: name(),
  valid_from: optionalTime(),
  valid_to: optionalTime(),
})

export const numbers = entity('numbers', [], {
  number: requiredText(),
  label: text(),
  queue_id: name(),
  trunk_id: name(),
  country: name(),
  valid_from: optionalTime(),
  valid_to: optionalTime(),
})

export const contacts = entity('contacts', [], {
  number: requiredText(),
  name: text(),
  company: text(),
  external_id: text(),
  valid_from: optionalTime(),
  valid_to: optionalTime(),
})

export type User = RecordOf<typeof users>
export type Extension = RecordOf<typeof extensions>
export type Queue = RecordOf<typeof queues>
export type PhoneNumber = RecordOf<typeof numbers>
export type Contact = RecordOf<typeof contacts>
