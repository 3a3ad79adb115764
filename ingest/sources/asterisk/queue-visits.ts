/**
 * Queue visits out of queue_log events. A visit's id is `<callid>/<entry no.>`,
 * its version the number of log lines that made it what it is, so every reading
 * of a log ends at the same rows. Waiting times are the PBX's own seconds where
 * it wrote them, never differences of two line times.
 */
import type { Refusal, TouchedRecords } from './assembler.ts'
import { bornAt_s } from './identity.ts'
import type { QueueLogEvent } from './queue-log.ts'
import { visitRecord, type Visit } from './queue-visit.ts'

/** What is remembered of a call between and after its visits, so that the next one gets the next number. */
interface KnownCall {
  entries: number
  did: string
  /** The line that said so, until it is part of a visit. */
  did_line: string
  /** False when the call is older than the memory: its earlier visits may be forgotten. */
  counted: boolean
  touched_s: number
}

export interface QueueVisitsState {
  open: Visit[]
  /** As tuples: of a busy centre this is most of a checkpoint. */
  calls: [call: string, entries: number, touched_s: number, counted: 0 | 1, did: string, did_line: string][]
}

/** A conversation that ended without a line that says so. */
export interface Released {
  agent: string
  call: string
  at_s: number
}

/** A visit that has said nothing for this long will not. */
const GIVE_UP_S = 24 * 3600
const CALL_MEMORY_S = 4 * 3600
const PAYLOAD_LINES = 100

type VisitEvent = Extract<QueueLogEvent, { kind: 'did' | 'enter' | 'ring' | 'connect' | 'finish' | 'exit' }>

/** Follows the calls in queues; every visit that changes is added to `touched`. */
export class QueueVisits {
  readonly #touched: TouchedRecords
  readonly #open: Map<string, Visit>
  readonly #calls: Map<string, KnownCall>

  constructor(touched: TouchedRecords, state?: QueueVisitsState) {
    this.#touched = touched
    this.#open = new Map(state?.open.map((visit) => [visit.call, visit]))
    this.#calls = new Map(
      state?.calls.map(([call, entries, touched_s, counted, did, did_line]) => [call, { entries, touched_s, counted: counted === 1, did, did_line }]),
    )
  }

  /** Takes an event of a call, or says why it belongs to no visit. */
  take(event: VisitEvent, line: string): Refusal | { released: Released[] } {
    if (event.kind === 'did') return this.#did(event, line)
    if (event.kind === 'enter') return this.#enter(event, line)
    const visit = this.#open.get(event.call)
    if (visit === undefined || visit.queue !== event.queue) {
      // A phone that stopped ringing just after its call left concerns the agent only.
      if (event.kind === 'ring') return { released: [] }
      return { code: 'unmatched', reason: 'no open visit of that call to that queue: its beginning is not in the log', entity: 'queue_visits' }
    }
    if (event.kind === 'finish' && visit.answered_s === null)
      return { code: 'unmatched', reason: 'the call was not connected to an agent', entity: 'queue_visits' }
    if (event.kind === 'connect') this.#connect(visit, event)
    if (event.kind === 'finish') {
      visit.talk_s = event.talk_s
      visit.transfer = event.transfer
      visit.entry_position = event.entry_position ?? visit.entry_position
      visit.exited_s = Math.max(event.at_s, visit.answered_s ?? 0)
    }
    const released = event.kind === 'exit' ? this.#exit(visit, event) : []
    this.#touch(visit, event.at_s, line)
    return { released }
  }

  /** Closes what has been open for a day, and forgets calls that are long over. */
  expire(now_s: number): Released[] {
    const released: Released[] = []
    for (const visit of this.#open.values()) {
      if (visit.entered_s > now_s - GIVE_UP_S) break
      released.push(...this.#giveUp(visit))
    }
    for (const [call, known] of this.#calls) {
      if (known.touched_s > now_s - CALL_MEMORY_S) break
      this.#calls.delete(call)
      if (this.#open.has(call)) this.#calls.set(call, { ...known, touched_s: now_s })
    }
    return released
  }

  /** The PBX started: no call survives that. What was open ended at its last sign of life. */
  restart(): void {
    for (const visit of this.#open.values()) this.#giveUp(visit)
  }

  state(): QueueVisitsState {
    const calls = [...this.#calls].map(([call, { entries, touched_s, counted, did, did_line }]): QueueVisitsState['calls'][number] => [
      call,
      entries,
      touched_s,
      counted ? 1 : 0,
      did,
      did_line,
    ])
    return { open: [...this.#open.values()], calls }
  }

  #did(event: Extract<VisitEvent, { kind: 'did' }>, line: string): { released: Released[] } {
    const known = this.#remember(event.call, event.at_s)
    known.did = event.number
    const visit = this.#open.get(event.call)
    if (visit === undefined) {
      known.did_line = line
    } else {
      visit.did = event.number
      this.#touch(visit, event.at_s, line)
    }
    return { released: [] }
  }

  #enter(event: Extract<VisitEvent, { kind: 'enter' }>, line: string): { released: Released[] } {
    const left = this.#open.get(event.call)
    const released = left === undefined ? [] : this.#giveUp(left, event.at_s)
    const known = this.#remember(event.call, event.at_s)
    known.entries += 1
    const visit: Visit = {
      id: known.counted ? `${event.call}/${known.entries}` : `${event.call}/at-${event.at_s}`,
      call: event.call,
      entry_no: known.counted ? known.entries : 0,
      queue: event.queue,
      caller: event.caller,
      did: known.did,
      entered_s: event.at_s,
      answered_s: null,
      exited_s: null,
      seen_s: event.at_s,
      agent: '',
      outcome: 'waiting',
      wait_s: 0,
      ring_s: 0,
      talk_s: 0,
      entry_position: event.position ?? null,
      exit_position: null,
      transfer: '',
      events: known.did_line === '' ? 0 : 1,
      lines: known.did_line === '' ? [] : [known.did_line],
    }
    known.did_line = ''
    this.#open.set(event.call, visit)
    this.#touch(visit, event.at_s, line)
    return { released }
  }

  #connect(visit: Visit, event: Extract<VisitEvent, { kind: 'connect' }>): void {
    visit.outcome = 'answered'
    visit.agent = event.agent
    visit.answered_s = Math.max(event.at_s, visit.entered_s)
    visit.wait_s = event.hold_s
    visit.ring_s = event.ring_s ?? 0
  }

  #exit(visit: Visit, event: Extract<VisitEvent, { kind: 'exit' }>): Released[] {
    visit.exited_s = Math.max(event.at_s, visit.entered_s)
    visit.exit_position = event.exit_position ?? null
    visit.entry_position = event.entry_position ?? visit.entry_position
    const released = visit.answered_s === null ? [] : [{ agent: visit.agent, call: visit.call, at_s: visit.exited_s }]
    visit.outcome = event.outcome
    visit.answered_s = null
    visit.wait_s = event.wait_s ?? visit.exited_s - visit.entered_s
    return released
  }

  /** Ends a visit of which no line says how it ended. */
  #giveUp(visit: Visit, at_s = visit.seen_s): Released[] {
    visit.exited_s = Math.max(at_s, visit.answered_s ?? visit.entered_s)
    if (visit.answered_s === null) {
      visit.outcome = 'error'
      visit.wait_s = visit.exited_s - visit.entered_s
    } else {
      visit.talk_s = visit.exited_s - visit.answered_s
    }
    const released = visit.answered_s === null ? [] : [{ agent: visit.agent, call: visit.call, at_s: visit.exited_s }]
    this.#touch(visit, visit.seen_s)
    return released
  }

  #remember(call: string, at_s: number): KnownCall {
    const born_s = bornAt_s(call)
    const fresh = { entries: 0, did: '', did_line: '', counted: born_s === undefined || at_s - born_s < CALL_MEMORY_S, touched_s: at_s }
    const known = this.#calls.get(call) ?? fresh
    // Set anew, so that the map stays in the order of last touch.
    this.#calls.delete(call)
    this.#calls.set(call, known)
    known.touched_s = at_s
    return known
  }

  #touch(visit: Visit, at_s: number, line?: string): void {
    visit.events += 1
    visit.seen_s = Math.max(visit.seen_s, at_s)
    if (line !== undefined && visit.lines.length < PAYLOAD_LINES) visit.lines.push(line)
    if (visit.exited_s !== null) this.#open.delete(visit.call)
    this.#touched.add('queue_visits', visit.id, () => ({ entity: 'queue_visits', record: visitRecord(visit) }))
  }
}
