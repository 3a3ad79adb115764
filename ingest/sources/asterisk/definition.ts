/** An Asterisk's log directory, as a kind of source. */
import type { SourceDefinition } from '../definition.ts'
import { createAsteriskSource, type AsteriskOptions } from './asterisk.ts'

export const asterisk: SourceDefinition = {
  kind: 'asterisk',
  spec: {
    title: 'Asterisk log files',
    entities: ['queue_visits', 'agent_states', 'agent_events', 'call_legs', 'calls', 'call_events'],
    auth: 'read access to the directory',
    cursor: 'file identity and byte offset; rotation is followed',
    look_back: 'none: a line is read once, and again only where a visit or a call was open',
    rate_limits: 'none',
    late_fields: 'CDRs come when a channel’s CDRs are final; events after LINKEDID_END',
  },
  options: {
    path: { about: 'the log directory: queue_log, cdr-csv, cdr-custom, cel-custom', is_required: true },
  },
  create: (settings) => createAsteriskSource(settings as unknown as AsteriskOptions),
}
