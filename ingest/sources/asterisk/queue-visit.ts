/** One visit of a call to a queue as it is followed, and the record it is told as. */
import type { CanonicalRecord } from '../../records/index.ts'
import { bornAt_s } from './identity.ts'

type VisitRecord = Extract<CanonicalRecord, { entity: 'queue_visits' }>['record']

/** Times are epoch seconds, as the log has them. */
export interface Visit {
  id: string
  call: string
  entry_no: number
  queue: string
  caller: string
  did: string
  entered_s: number
  answered_s: number | null
  exited_s: number | null
  seen_s: number
  agent: string
  outcome: VisitRecord['outcome']
  wait_s: number
  ring_s: number
  talk_s: number
  entry_position: number | null
  exit_position: number | null
  transfer: string
  events: number
  lines: string[]
}

const UINT32 = 0xffff_ffff

/** The record of a visit; its version is the number of log lines that made it what it is. */
export function visitRecord(visit: Visit): VisitRecord {
  return {
    native_id: visit.id,
    anchor_at: (bornAt_s(visit.call) ?? visit.entered_s) * 1000,
    version: visit.events,
    payload: visit.lines.join('\n'),
    call_id: visit.call,
    queue_id: visit.queue,
    entry_no: visit.entry_no,
    caller_number: visit.caller,
    did_number: visit.did,
    entered_at: visit.entered_s * 1000,
    answered_at: toMs(visit.answered_s),
    exited_at: toMs(visit.exited_s),
    outcome: visit.outcome,
    wait_ms: Math.min(visit.wait_s * 1000, UINT32),
    ring_ms: Math.min(visit.ring_s * 1000, UINT32),
    talk_ms: Math.min(visit.talk_s * 1000, UINT32),
    agent_id: visit.agent,
    entry_position: visit.entry_position,
    exit_position: visit.exit_position,
    transfer_kind: visit.transfer,
  }
}

function toMs(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000
}
