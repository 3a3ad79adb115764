/** FreeSWITCH's mod_json_cdr, as a kind of source. */
import type { SourceDefinition } from '../definition.ts'
import { createFreeswitchSource, type FreeswitchOptions } from './freeswitch.ts'

export const freeswitch: SourceDefinition = {
  kind: 'freeswitch',
  spec: {
    title: 'FreeSWITCH mod_json_cdr',
    entities: ['calls', 'call_legs', 'queue_visits', 'agent_events'],
    auth: 'basic (cred), or ?token= in the url; read access to the err-log directory',
    cursor: 'none for pushes; names, sizes and times of change of the err-log files',
    look_back: 'none: a CDR is written once, and one that comes twice is the same record',
    rate_limits: 'none; a push that is not answered by 2xx is tried again, then left in err-log',
    late_fields: 'none in a CDR, which is final; a leg that outlives the call comes after it, and a call in several queues tells the last',
  },
  options: {
    path: { about: 'the err-log directory of json_cdr.conf.xml; without it only pushes are taken' },
    encode_values: { about: 'false where json_cdr.conf.xml has encode-values off; true by default, as there' },
    username: { about: 'the user in cred of json_cdr.conf.xml' },
    password: { about: 'the password in cred', is_secret: true },
    token: { about: 'what the url in json_cdr.conf.xml has after ?token=', is_secret: true },
  },
  create: (settings) => createFreeswitchSource(settings as unknown as FreeswitchOptions),
}
