/**
 * Calls out of contacts: a call is told by all contacts of its chain together,
 * and they come one by one, in any order, and again whenever one of them changes.
 */
import type { CanonicalRecord } from '../../records/index.ts'

type Call = Extract<CanonicalRecord, { entity: 'calls' }>['record']

/** What a call needs to know of a contact. Times are epoch milliseconds. */
export interface ContactSummary {
  id: string
  call_id: string
  payload: string
  started: number
  updated: number
  agent: number | null
  ended: number | null
  enqueued: number | null
  queue_id: string
  agent_id: string
  reason: string
  talk_ms: number
  hold_ms: number
  wrap_up_ms: number
  direction: Call['direction']
  from: string
  to: string
  disposition: Call['disposition']
  next: string
}

/** Chains whose contacts may still come, as JSON. */
export type ChainBookState = ContactSummary[]

/** A chain that nothing was heard of for so long is over. */
const REMEMBERED_MS = 24 * 3_600_000
/** So many are kept even so: history may be read in any order. */
const KEPT_CHAINS = 2_000
const MOST_CHAINS = 20_000

export class ChainBook {
  /** By call; the call that was heard of last comes last. */
  readonly #chains = new Map<string, Map<string, ContactSummary>>()
  readonly #kept: number
  #newest_ms = 0

  constructor(state: ChainBookState = [], kept = KEPT_CHAINS) {
    this.#kept = kept
    for (const summary of state) this.#add(summary)
  }

  /** The call as it is known with this contact; undefined as long as its first contact is not. */
  take(summary: ContactSummary): CanonicalRecord | undefined {
    const is_alone = summary.id === summary.call_id && summary.next === ''
    const is_forgotten = !this.#chains.has(summary.call_id) && summary.updated - (summary.ended ?? summary.started) > REMEMBERED_MS
    // A late change to one contact of a chain must not tell the call from that contact alone.
    if (is_forgotten && !is_alone) return undefined
    if (is_alone && !this.#chains.has(summary.call_id)) return { entity: 'calls', record: callOf([summary], summary) }
    const chain = this.#add(summary)
    const first = chain.get(summary.call_id)
    return first && { entity: 'calls', record: callOf([...chain.values()], first) }
  }

  /** What a book made from it goes on with. */
  state(): ChainBookState {
    return [...this.#chains.values()].flatMap((chain) => [...chain.values()].map((summary) => ({ ...summary, payload: '' })))
  }

  #add(summary: ContactSummary): Map<string, ContactSummary> {
    const chain = this.#chains.get(summary.call_id) ?? new Map<string, ContactSummary>()
    const known = chain.get(summary.id)
    if (!known || known.updated <= summary.updated) chain.set(summary.id, { ...summary, payload: '' })
    this.#chains.delete(summary.call_id)
    this.#chains.set(summary.call_id, chain)
    this.#newest_ms = Math.max(this.#newest_ms, summary.updated)
    this.#forget(summary.call_id)
    return chain
  }

  /** Drops chains from the one that was heard of longest ago, but never the one at hand. */
  #forget(at_hand: string): void {
    for (const [call_id, contacts] of this.#chains) {
      const heard_ms = Math.max(...[...contacts.values()].map(({ updated }) => updated))
      const is_over = this.#chains.size > this.#kept && this.#newest_ms - heard_ms > REMEMBERED_MS
      if (call_id === at_hand || (!is_over && this.#chains.size <= MOST_CHAINS)) return
      this.#chains.delete(call_id)
    }
  }
}

function callOf(contacts: ContactSummary[], first: ContactSummary): Call {
  const chain = contacts.toSorted((a, b) => a.started - b.started || (a.id < b.id ? -1 : 1))
  const answered = chain.filter(({ agent }) => agent !== null).toSorted((a, b) => a.agent! - b.agent!)
  const queued = chain.filter(({ enqueued }) => enqueued !== null).toSorted((a, b) => a.enqueued! - b.enqueued!)
  const last = chain.at(-1)!
  const sum = (of: (contact: ContactSummary) => number): number => chain.reduce((total, contact) => total + of(contact), 0)
  const ids = new Set(chain.flatMap(({ id, next }) => (next === '' ? [id] : [id, next])))
  return {
    native_id: first.call_id,
    anchor_at: first.started,
    version: versionOf(chain),
    payload: first.payload || JSON.stringify({ InitialContactId: first.call_id, contacts: chain.map(({ id }) => id) }),
    direction: first.direction,
    from_number: first.from,
    to_number: first.to,
    started_at: first.started,
    answered_at: answered[0]?.agent ?? null,
    ended_at: chain.every(({ ended }) => ended !== null) ? Math.max(...chain.map(({ ended }) => ended!)) : null,
    disposition: chain.some(({ ended }) => ended === null) ? 'in_progress' : answered.length > 0 ? 'answered' : last.disposition,
    hangup_cause: last.reason,
    first_queue_id: queued[0]?.queue_id ?? '',
    final_agent_id: answered.at(-1)?.agent_id ?? '',
    leg_count: ids.size,
    transfer_count: ids.size - 1,
    talk_ms: sum(({ talk_ms }) => talk_ms),
    hold_ms: sum(({ hold_ms }) => hold_ms),
    wrap_up_ms: sum(({ wrap_up_ms }) => wrap_up_ms),
  }
}

/** Grows with every contact that is added and every update of one, whichever comes first. */
function versionOf(chain: readonly ContactSummary[]): number {
  const newest = Math.max(...chain.map(({ updated }) => updated))
  return chain.reduce((version, { updated, started }) => version + Math.max(0, updated - started) + 1, newest)
}
