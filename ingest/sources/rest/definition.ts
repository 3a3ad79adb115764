/** Any REST API that a YAML file describes, as a kind of source. */
import { entityNames } from '../../records/index.ts'
import type { SourceDefinition } from '../definition.ts'
import { createRestSource, type RestOptions } from './rest.ts'

export const rest: SourceDefinition = {
  kind: 'rest',
  spec: {
    title: 'Declarative REST (Aircall, Zoom Phone, Dialpad, and your own)',
    entities: entityNames,
    auth: 'basic, bearer or OAuth2 client credentials, as the YAML says',
    cursor:
      'windows of time, each listed by page, cursor, link or offset, halved where an API lists no more; or a report that is asked for and fetched',
    look_back: 'as the YAML says, and at most as often as it says; what is listed again unchanged is not loaded again',
    rate_limits: 'sliding windows, kept before a request is sent; 429 with or without Retry-After',
    late_fields: 'all of them within the look-back: without an update time, a changed item is versioned by when the change was seen',
  },
  options: {
    spec: { about: 'a YAML file, or one that comes with Callhouse: aircall, dialpad, zoom-phone', is_required: true },
    credentials: { about: 'the secrets that the YAML names, each by its name', is_secret: true },
    values: { about: 'the other settings that the YAML names' },
    url: { about: 'where the API is, if not where the YAML says' },
    streams: { about: 'the streams to pull; all of them unless given' },
    history_from: { about: 'ISO time; what is older is left out (90 days unless given)' },
    concurrency: { about: 'streams pulled at a time' },
  },
  create: (settings) => createRestSource(settings as unknown as RestOptions),
}
