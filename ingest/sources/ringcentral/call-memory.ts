/**
 * Joins the call log's records into calls. The records of one call can come on
 * different pages and change one by one, so what each of them said is remembered:
 * in the process, and for the newest calls in the checkpoint.
 */
import type { CanonicalRecord } from '../../records/index.ts'
import type { CallPart } from './call-records.ts'
import { decimal, isObject, tombstone } from './json-fields.ts'

/** About 400 bytes each. */
const REMEMBERED = 50_000
const IN_CHECKPOINT = 500

interface Known {
  parts: CallPart[]
  /** The version the call last had, so that a later state never ties with an earlier one. */
  version: number
}

export class CallMemory {
  /** Latest last. */
  readonly #calls = new Map<string, Known>()

  /** Adds what a checkpoint remembers and this process does not. */
  restore(saved: unknown): void {
    if (!Array.isArray(saved)) return
    for (const known of saved as unknown[]) {
      if (!isObject(known) || !Array.isArray(known['parts']) || typeof known['version'] !== 'number') continue
      const { parts, version } = known as unknown as Known
      const session = parts[0]?.session
      if (typeof session === 'string' && !this.#calls.has(session)) this.#calls.set(session, { parts, version })
    }
  }

  /** What to keep in the checkpoint: the newest calls. */
  toJSON(): Known[] {
    return [...this.#calls.values()].slice(-IN_CHECKPOINT)
  }

  /** The call as all its known records say it; and tombstones for the legs that the record had and has no more. */
  join(part: CallPart, payload: string, currency: string | undefined): CanonicalRecord[] {
    const known = this.#calls.get(part.session)
    const anchor_at = known?.parts[0]?.anchor_ms ?? part.anchor_ms
    const other = known?.parts.find(({ record }) => record === part.record)
    const newest = other && other.version > part.version ? other : { ...part, anchor_ms: anchor_at }
    const parts = [...(known?.parts.filter(({ record }) => record !== part.record) ?? []), newest]
    const is_same = other !== undefined && JSON.stringify(other) === JSON.stringify(newest)
    const least = Math.max(...parts.map(({ version }) => version)) + parts.length - 1
    const version = known ? Math.max(least, known.version + (is_same ? 0 : 1)) : least
    this.#calls.delete(part.session)
    this.#calls.set(part.session, { parts, version })
    if (this.#calls.size > REMEMBERED) this.#calls.delete(this.#calls.keys().next().value!)
    const alive = parts.filter(({ is_deleted }) => !is_deleted)
    const call =
      alive.length === 0 ? tombstone('calls', part.session, anchor_at, version, payload) : callOf(alive, { anchor_at, version, payload, currency })
    return [call, ...(newest === other ? [] : lostLegs(other, newest))]
  }
}

function lostLegs(before: CallPart | undefined, now: CallPart): CanonicalRecord[] {
  const lost = Array.from({ length: Math.max(0, (before?.legs ?? 0) - now.legs) }, (_, n) => `${now.record}/${now.legs + n}`)
  return lost.flatMap((id) => (['call_legs', 'call_segments'] as const).map((entity) => tombstone(entity, id, now.started_ms, now.version)))
}

const rank = ['answered', 'voicemail', 'in_progress', 'abandoned', 'busy', 'rejected', 'no_answer', 'failed'] as const

type Of = { anchor_at: number; version: number; payload: string; currency: string | undefined }

function callOf(parts: readonly CallPart[], { anchor_at, version, payload, currency }: Of): CanonicalRecord {
  const ordered = parts.toSorted((a, b) => a.started_ms - b.started_ms || (a.record < b.record ? -1 : 1))
  const first = ordered[0]!
  const answered = ordered.filter((part) => part.answered_ms !== null).toSorted((a, b) => a.answered_ms! - b.answered_ms!)
  const ends = ordered.map(({ ended_ms }) => ended_ms)
  const ended_ms = ends.includes(null) ? null : Math.max(...ends.map(Number))
  const answered_ms = answered[0]?.answered_ms ?? null
  const costs = ordered.flatMap(({ cost_micros }) => cost_micros ?? [])
  return {
    entity: 'calls',
    record: {
      native_id: first.session,
      anchor_at,
      version,
      payload,
      direction: ordered.some(({ direction }) => direction === 'internal') ? 'internal' : first.direction,
      from_number: e164(first.from),
      from_number_raw: first.from,
      to_number: e164(first.to),
      to_number_raw: first.to,
      started_at: first.started_ms,
      answered_at: answered_ms,
      ended_at: ended_ms,
      disposition: ended_ms === null ? 'in_progress' : rank.find((word) => ordered.some(({ disposition }) => disposition === word))!,
      hangup_cause: ordered.at(-1)!.cause,
      final_agent_id: answered.at(-1)?.agent,
      leg_count: ordered.reduce((sum, { legs }) => sum + legs, 0),
      transfer_count: ordered.reduce((sum, { transfers }) => sum + transfers, 0),
      ring_ms: duration((answered_ms ?? ended_ms ?? first.started_ms) - first.started_ms),
      talk_ms: answered_ms === null || ended_ms === null ? 0 : duration(ended_ms - answered_ms),
      cost: costs.length === 0 ? null : decimal(costs.reduce((sum, cost) => sum + cost, 0)),
      currency: costs.length === 0 ? undefined : currency,
    },
  }
}

/** What a duration's column holds. */
function duration(ms: number): number {
  return Math.min(Math.max(0, ms), 0xffff_ffff)
}

/** RingCentral writes full numbers with a plus sign; what has none is an extension or an emergency number. */
function e164(number: string | undefined): string | undefined {
  return number?.startsWith('+') ? number : undefined
}
