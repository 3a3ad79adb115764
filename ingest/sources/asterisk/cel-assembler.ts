/** cel-custom/Master.csv: every line is a call event; together they are calls. */
import type { CanonicalRecord } from '../../records/index.ts'
import { TouchedRecords, type Assembler, type Refusal } from './assembler.ts'
import { CelCalls, type CelCallsState } from './cel-calls.ts'
import { parseCelLine, queueOf, type ChannelEvent } from './cel-csv.ts'
import { LineOrdinals, type LineOrdinalsState } from './identity.ts'
import { LogClock, type LogClockState } from './log-clock.ts'

interface State {
  clock: LogClockState | null
  ordinals: LineOrdinalsState
  calls: CelCallsState
  expired_s: number
}

/** An assembler for CEL, fresh or going on from its own `state()`. */
export function assembleCel(saved?: unknown): Assembler {
  const before = saved as State | undefined
  const touched = new TouchedRecords()
  const clock = new LogClock(before?.clock)
  const ordinals = new LineOrdinals(before?.ordinals)
  const calls = new CelCalls(touched, before?.calls)
  let expired_s = before?.expired_s ?? 0

  return {
    entities: ['calls', 'call_events'],
    take(line) {
      const event = parseCelLine(line)
      if (!('kind' in event)) return event
      if (!clock.accepts(Math.floor(event.at_ms / 1000))) return wildTime
      // Whole seconds, so that where a read was interrupted makes no difference.
      if (clock.now_s !== expired_s) calls.expire(clock.now_s * 1000)
      expired_s = clock.now_s
      calls.take(event)
      const native_id = ordinals.identify(line, event.stamp)
      touched.add('call_events', native_id, () => ({ entity: 'call_events', record: eventRecord(event, native_id, line) }))
      return undefined
    },
    drain: () => touched.drain(),
    atEnd: () => [],
    span: () => clock.span(),
    state: (): State => ({ clock: clock.toJSON(), ordinals: ordinals.toJSON(), calls: calls.state(), expired_s }),
  }
}

const wildTime: Refusal = {
  code: 'field_invalid',
  reason: 'its time is impossible, or more than 30 days from the lines around it',
  entity: 'call_events',
}

function eventRecord(event: ChannelEvent, native_id: string, line: string): Extract<CanonicalRecord, { entity: 'call_events' }>['record'] {
  return {
    native_id,
    anchor_at: event.at_ms,
    version: 1,
    payload: line,
    call_id: event.linked_id,
    leg_id: event.unique_id,
    occurred_at: event.at_ms,
    kind: event.kind,
    queue_id: queueOf(event),
    attributes: attributesOf(event),
  }
}

/** What the event says beyond its own fields, without the caller's name or number: those are in the payload. */
function attributesOf(event: ChannelEvent): string {
  const attributes: Partial<Record<(typeof told)[number], string>> = {}
  for (const name of told) if (event[name] !== '') attributes[name] = event[name]
  return JSON.stringify(attributes)
}

const told = ['channel', 'context', 'exten', 'app', 'app_data', 'account', 'peer', 'extra'] as const
