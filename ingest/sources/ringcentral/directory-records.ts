/** An extension of the account: people, and the queues that extensions also are. */
import type { CanonicalRecord } from '../../records/index.ts'
import { idAt, InputFault, isObject, objectAt, requiredId, secondsAt, textAt } from './json-fields.ts'

/** Extensions that are somebody's, and so have a mailbox that is worth reading. */
const people = new Set(['User', 'DigitalUser', 'VirtualUser', 'FaxUser', 'Limited'])

export interface ReadExtension {
  id: string
  is_person: boolean
  records: CanonicalRecord[]
}

/** Throws InputFault for what is no extension. There is no time that it was changed: the version is the time the change was seen. */
export function readExtension(item: unknown, payload: string, version: number): ReadExtension {
  if (!isObject(item)) throw new InputFault('identity_missing', 'the extension is not an object')
  const id = requiredId(item, 'id')
  const kind = textAt(item, 'type')
  const is_person = kind !== undefined && people.has(kind)
  const envelope = { native_id: id, version, payload }
  const records: CanonicalRecord[] = [
    {
      entity: 'extensions',
      record: { ...envelope, extension_id: id, number: idAt(item, 'extensionNumber'), user_id: is_person ? id : undefined, kind },
    },
  ]
  const contact = objectAt(item, 'contact')
  if (is_person) {
    const full_name = [textAt(contact, 'firstName'), textAt(contact, 'lastName')].filter((part) => part !== undefined).join(' ')
    records.push({
      entity: 'users',
      record: {
        ...envelope,
        user_id: id,
        name: textAt(item, 'name') ?? full_name,
        email: textAt(contact, 'email'),
        extension_id: id,
        team: textAt(contact, 'department'),
      },
    })
  }
  // The vendor's old word for a call queue.
  if (kind === 'Department') {
    const queue = objectAt(item, 'callQueueInfo')
    records.push({
      entity: 'queues',
      record: {
        ...envelope,
        queue_id: id,
        name: textAt(item, 'name'),
        service_level_threshold_ms: secondsAt(queue, 'slaThresholdSeconds'),
        short_abandon_threshold_ms: secondsAt(queue, 'abandonedThresholdSeconds'),
      },
    })
  }
  return { id, is_person, records }
}
