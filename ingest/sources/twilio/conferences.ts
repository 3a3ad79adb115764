/** Conferences have no entity of their own: their beginning, their end and who took part are events of the calls in them. */
import type { CanonicalRecord } from '../../records/index.ts'
import { FieldError } from '../../records/field.ts'
import { createdOf, sidOf, textOf, timeOf, versionOf, type Item } from './values.ts'

const ranks: Readonly<Record<string, number>> = { init: 1, 'in-progress': 2, completed: 8 }

/** True while participants can still come and go. */
export function isConferenceLive(item: Item): boolean {
  return item['status'] === 'init' || item['status'] === 'in-progress'
}

/** Throws FieldError. */
export function readConference(item: Item, payload: string): CanonicalRecord[] {
  const sid = sidOf(item, 'sid')
  const created_ms = createdOf(item)
  const updated_ms = timeOf(item, 'date_updated') ?? created_ms
  const word = textOf(item, 'status')
  const rank = Object.hasOwn(ranks, word) ? ranks[word] : undefined
  if (rank === undefined) throw new FieldError('status is none that Twilio documents for a conference')
  const ended_by = textOf(item, 'call_sid_ending_conference')
  const named = { conference_sid: sid, friendly_name: textOf(item, 'friendly_name'), region: textOf(item, 'region') }
  const common = { anchor_at: created_ms, version: versionOf(updated_ms, rank * 100), payload }
  const started: CanonicalRecord = {
    entity: 'call_events',
    record: { ...common, native_id: `${sid}/start`, occurred_at: created_ms, kind: 'conference-start', attributes: JSON.stringify(named) },
  }
  if (word !== 'completed') return [started]
  const ended: CanonicalRecord = {
    entity: 'call_events',
    record: {
      ...common,
      native_id: `${sid}/end`,
      leg_id: ended_by,
      occurred_at: updated_ms,
      kind: 'conference-end',
      attributes: JSON.stringify({ ...named, reason: textOf(item, 'reason_conference_ended') }),
    },
  }
  return [started, ended]
}

/** One call's part in a conference: the conference and the call together are its identity. Throws FieldError. */
export function readParticipant(item: Item, payload: string, call_id: string): CanonicalRecord[] {
  const conference_sid = sidOf(item, 'conference_sid')
  const call_sid = sidOf(item, 'call_sid')
  const created_ms = createdOf(item)
  return [
    {
      entity: 'call_events',
      record: {
        native_id: `${conference_sid}/${call_sid}`,
        anchor_at: created_ms,
        version: versionOf(timeOf(item, 'date_updated') ?? created_ms, 0),
        payload,
        call_id,
        leg_id: call_sid,
        occurred_at: created_ms,
        kind: 'conference-join',
        attributes: JSON.stringify({ conference_sid, label: textOf(item, 'label'), status: textOf(item, 'status') }),
      },
    },
  ]
}
