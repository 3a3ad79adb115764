/**
 * One record of the call log: its legs, segments and recordings, and its part of
 * a call. A call (telephonySessionId) can have several records, one per party.
 */
import type { Call } from '../../records/calls.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import { dispositionOf, isTransfer, segmentKindOf } from './call-outcomes.ts'
import {
  decimal,
  idAt,
  InputFault,
  isObject,
  microsAt,
  objectAt,
  objectsAt,
  optionalTimeAt,
  requiredId,
  secondsAt,
  textAt,
  timeAt,
  tombstone,
  type Json,
} from './json-fields.ts'

/** What one record says of its call; JSON, since it is kept in the checkpoint. */
export interface CallPart {
  session: string
  record: string
  /** When the record was last changed. */
  version: number
  is_deleted: boolean
  anchor_ms: number
  started_ms: number
  answered_ms: number | null
  ended_ms: number | null
  direction: Call['direction']
  disposition: Call['disposition']
  from?: string | undefined
  to?: string | undefined
  cause?: string | undefined
  agent?: string | undefined
  legs: number
  transfers: number
  cost_micros?: number | undefined
}

export interface ReadCall {
  part: CallPart
  records: CanonicalRecord[]
}

/** A leg as it is understood, before it becomes records. */
interface Leg {
  id: string
  seq: number
  item: Json
  direction: Call['direction']
  disposition: Call['disposition']
  kind: ReturnType<typeof segmentKindOf>
  is_transfer: boolean
  started_ms: number
  ended_ms: number | null
  extension: string | undefined
}

/** Throws InputFault for a record that cannot be a call's. `currency` is the account's. */
export function readCallRecord(item: unknown, payload: string, currency: string | undefined): ReadCall {
  if (!isObject(item)) throw new InputFault('identity_missing', 'the record is not an object')
  const record = requiredId(item, 'id')
  const session = idAt(item, 'telephonySessionId') ?? requiredId(item, 'sessionId')
  if (item['type'] !== undefined && item['type'] !== 'Voice')
    throw new InputFault('unknown_entity', 'type is not Voice: a fax is no call, and no entity holds it')
  const started_ms = timeAt(item, 'startTime')
  const duration_ms = secondsAt(item, 'duration')
  const version = optionalTimeAt(item, 'lastModifiedTime') ?? started_ms + duration_ms
  const own = objectsAt(item, 'legs')
  // The simple view has no legs: the record is its own.
  const legs = (own.length > 0 ? own : [item]).map((leg, seq) => readLeg(leg, `${record}/${seq}`, seq, item))
  const part = partOf({ session, record, version, item, legs, started_ms, duration_ms })
  if (part.is_deleted) return { part, records: goneOf(legs, item, started_ms, version) }
  const records: CanonicalRecord[] = legs.flatMap((leg) => recordsOf(leg, { session, version, anchor_at: started_ms, currency }))
  records.push(...recordingsOf(item, legs, { session, version, started_ms, duration_ms, payload }))
  return { part, records }
}

function readLeg(item: Json, id: string, seq: number, whole: Json): Leg {
  const started_ms = item['startTime'] === undefined ? timeAt(whole, 'startTime') : timeAt(item, 'startTime')
  const leg_type = textAt(item, 'legType')
  const disposition = dispositionOf(item['result'] ?? whole['result'], (item['direction'] ?? whole['direction']) === 'Inbound')
  const extension = idAt(objectAt(item, 'extension'), 'id') ?? idAt(item, 'extensionId')
  return {
    id,
    seq,
    item,
    direction: directionOf(item['direction'] === undefined ? whole : item),
    disposition,
    kind: segmentKindOf(leg_type, disposition),
    is_transfer: isTransfer(leg_type, textAt(item, 'action')),
    started_ms,
    ended_ms: disposition === 'in_progress' ? null : started_ms + secondsAt(item, 'duration'),
    extension: extension ?? (item === whole ? idAt(objectAt(item, item['direction'] === 'Inbound' ? 'to' : 'from'), 'extensionId') : undefined),
  }
}

type PartInput = { session: string; record: string; version: number; item: Json; legs: Leg[]; started_ms: number; duration_ms: number }

function partOf({ session, record, version, item, legs, started_ms, duration_ms }: PartInput): CallPart {
  const disposition = dispositionOf(item['result'], item['direction'] === 'Inbound')
  const connected = legs.filter((leg) => leg.kind === 'talk')
  const last = connected.reduce<Leg | undefined>((latest, leg) => (!latest || leg.started_ms >= latest.started_ms ? leg : latest), undefined)
  const { cost_micros } = { cost_micros: microsAt(objectAt(item, 'billing'), 'costPurchased') }
  return {
    session,
    record,
    version,
    is_deleted: item['deleted'] === true,
    anchor_ms: sessionTimeMs(session) ?? started_ms,
    started_ms,
    answered_ms: disposition === 'answered' || connected.length > 0 ? answeredMs(connected, started_ms) : null,
    ended_ms: disposition === 'in_progress' ? null : started_ms + duration_ms,
    direction: directionOf(item),
    disposition,
    from: numberOf(objectAt(item, 'from')),
    to: numberOf(objectAt(item, 'to')),
    cause: textAt(item, 'reason') ?? textAt(item, 'result'),
    agent: last?.extension,
    legs: legs.length,
    transfers: legs.filter((leg) => leg.is_transfer).length,
    ...(cost_micros !== undefined && { cost_micros }),
  }
}

/**
 * RingCentral gives no time of answer. Each further leg begins when the one
 * before it reaches the next device, so the last leg that was connected before
 * the call was handed on begins nearest to it.
 */
function answeredMs(connected: readonly Leg[], started_ms: number): number {
  return Math.max(started_ms, ...connected.filter((leg) => !leg.is_transfer).map((leg) => leg.started_ms))
}

function recordsOf(leg: Leg, of: { session: string; version: number; anchor_at: number; currency: string | undefined }): CanonicalRecord[] {
  const payload = JSON.stringify(leg.item)
  const envelope = { native_id: leg.id, anchor_at: of.anchor_at, version: of.version, payload }
  const purchased = microsAt(objectAt(leg.item, 'billing'), 'costPurchased')
  const is_answered = leg.disposition === 'answered'
  return [
    {
      entity: 'call_legs',
      record: {
        ...envelope,
        call_id: of.session,
        parent_leg_id: leg.seq === 0 ? undefined : leg.id.replace(/\d+$/, '0'),
        seq: leg.seq,
        direction: leg.direction,
        user_id: leg.extension,
        extension_id: leg.extension,
        from_number: numberOf(objectAt(leg.item, 'from')),
        to_number: numberOf(objectAt(leg.item, 'to')),
        started_at: leg.started_ms,
        answered_at: is_answered ? leg.started_ms : null,
        ended_at: leg.ended_ms,
        disposition: leg.disposition,
        hangup_cause: textAt(leg.item, 'reason') ?? textAt(leg.item, 'result'),
        bill_ms: secondsAt(leg.item, 'duration'),
        buy_price: purchased === undefined ? null : decimal(purchased),
        currency: purchased === undefined ? undefined : of.currency,
      },
    },
    {
      entity: 'call_segments',
      record: {
        ...envelope,
        call_id: of.session,
        leg_id: leg.id,
        seq: leg.seq,
        kind: leg.kind,
        started_at: leg.started_ms,
        ended_at: leg.ended_ms,
        agent_id: leg.extension,
      },
    },
  ]
}

type RecordingInput = { session: string; version: number; started_ms: number; duration_ms: number; payload: string }

/** The recordings of the record and of its legs, each once. */
function recordingsOf(item: Json, legs: readonly Leg[], of: RecordingInput): CanonicalRecord[] {
  const found = new Map<string, { recording: Json; leg?: Leg }>()
  if (isObject(item['recording'])) found.set(requiredId(item['recording'], 'id'), { recording: item['recording'] })
  for (const leg of legs) {
    const recording = leg.item['recording']
    if (isObject(recording)) found.set(requiredId(recording, 'id'), { recording, leg })
  }
  return [...found].map(([native_id, { recording, leg }]) => ({
    entity: 'recordings',
    record: {
      native_id,
      anchor_at: of.started_ms,
      version: of.version,
      payload: JSON.stringify(recording),
      call_id: of.session,
      leg_id: leg?.id,
      agent_id: leg?.extension,
      started_at: leg?.started_ms ?? of.started_ms,
      duration_ms: leg ? secondsAt(leg.item, 'duration') : of.duration_ms,
      uri: textAt(recording, 'contentUri') ?? textAt(recording, 'uri'),
      status: 'completed',
    },
  }))
}

function goneOf(legs: readonly Leg[], item: Json, started_ms: number, version: number): CanonicalRecord[] {
  const gone = legs.flatMap(({ id }) => (['call_legs', 'call_segments'] as const).map((entity) => tombstone(entity, id, started_ms, version)))
  const recording = isObject(item['recording']) ? idAt(item['recording'], 'id') : undefined
  return recording === undefined ? gone : [...gone, tombstone('recordings', recording, started_ms, version)]
}

function directionOf(item: Json): Call['direction'] {
  const { direction } = item
  if (direction !== 'Inbound' && direction !== 'Outbound') throw new InputFault('field_invalid', 'direction is neither Inbound nor Outbound')
  if (hasExtension(objectAt(item, 'from')) && hasExtension(objectAt(item, 'to'))) return 'internal'
  // The other side of a call from outside has no extension, whatever ours has.
  return direction === 'Inbound' ? 'inbound' : 'outbound'
}

function hasExtension(party: Json): boolean {
  return idAt(party, 'extensionId') !== undefined || idAt(party, 'extensionNumber') !== undefined
}

function numberOf(party: Json): string | undefined {
  return textAt(party, 'phoneNumber') ?? idAt(party, 'extensionNumber')
}

const SESSION = /^s-[0-9a-f]+z([0-9a-f]{11})z/i
const PLAUSIBLE_FROM = Date.UTC(2010, 0, 1)

/** The time that is part of a session's id: the one time that all records of a call share. */
function sessionTimeMs(session: string): number | undefined {
  const ms = parseInt(SESSION.exec(session)?.[1] ?? '', 16)
  return ms >= PLAUSIBLE_FROM && ms < Date.UTC(2100, 0, 1) ? ms : undefined
}
