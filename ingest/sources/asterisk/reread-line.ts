/**
 * A dead-lettered line, read again by itself. What one line says whole is taken:
 * a call leg, a channel event, an agent's event. Visits, states and calls are
 * made of many lines, so a line of theirs stays until its log is loaded again.
 */
import type { EntityName } from '../../records/index.ts'
import type { Reparsed, StoredInput } from '../../source.ts'
import type { Assembler } from './assembler.ts'

/** How the lines of each stream are read; keyed by what their positions begin with. */
export type LineReaders = Record<'queue_log' | 'cdr-csv' | 'cdr-custom' | 'cel', () => Assembler>

/** What one line can say without its neighbours. */
const whole: ReadonlySet<EntityName> = new Set(['call_legs', 'call_events', 'agent_events'])

/** Reads a dead letter's line; a stored record has no line of its own and gives nothing. */
export function rereadLine(stored: StoredInput, readers: LineReaders): Reparsed {
  const stream = stored.position?.split('/')[0]
  if (stream === undefined || !Object.hasOwn(readers, stream)) return { records: [], rejects: [] }
  // A time far from its neighbours' was refused because of them, and they are not here to be asked.
  if (stored.code !== undefined && stored.reason?.includes('30 days from'))
    return { records: [], rejects: [{ code: stored.code, reason: stored.reason }] }
  const assembler = readers[stream as keyof LineReaders]()
  const refusal = assembler.take(stored.payload)
  if (refusal !== undefined) return { records: [], rejects: [refusal] }
  return { records: assembler.drain().filter(({ entity }) => whole.has(entity)), rejects: [] }
}
