/** The CDR files: one row is one call leg, whole and final. */
import { TouchedRecords, type Assembler, type Refusal } from './assembler.ts'
import { legOf, type CdrRow } from './call-legs.ts'
import { LineOrdinals, type LineOrdinalsState } from './identity.ts'
import { LogClock, type LogClockState } from './log-clock.ts'

interface State {
  clock: LogClockState | null
  ordinals: LineOrdinalsState
}

/**
 * An assembler for rows that `parse` understands. `rank` is the version of the
 * legs: a leg that is in two files is taken from the one of higher rank.
 */
export function assembleCdr(parse: (line: string) => CdrRow | Refusal, rank: number, saved?: unknown): Assembler {
  const before = saved as State | undefined
  const touched = new TouchedRecords()
  const clock = new LogClock(before?.clock)
  const ordinals = new LineOrdinals(before?.ordinals)
  return {
    entities: ['call_legs'],
    take(line) {
      const row = parse(line)
      if ('code' in row) return row
      const needsOrdinal = row.sequence === undefined
      const leg = legOf(row, { rank, line, line_id: needsOrdinal ? ordinals.identify(line, String(row.ended_ms)) : '' })
      if ('code' in leg) return leg
      if (!clock.accepts(Math.floor(row.ended_ms / 1000))) return wildTime
      touched.add('call_legs', leg.record.native_id, () => leg)
      return undefined
    },
    drain: () => touched.drain(),
    atEnd: () => [],
    span: () => clock.span(),
    state: (): State => ({ clock: clock.toJSON(), ordinals: ordinals.toJSON() }),
  }
}

const wildTime: Refusal = { code: 'field_invalid', reason: 'its end is more than 30 days from the rows around it', entity: 'call_legs' }
