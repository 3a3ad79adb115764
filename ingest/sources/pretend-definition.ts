/** Pretend Telco, as a kind of source. */
import { entityNames } from '../records/index.ts'
import type { SourceDefinition } from './definition.ts'
import { createPretendSource, type PretendOptions } from './pretend.ts'

export const pretend: SourceDefinition = {
  kind: 'pretend',
  spec: {
    title: 'Pretend Telco',
    entities: entityNames,
    auth: 'bearer token',
    cursor: 'updated_at, inclusive, with an opaque page cursor',
    look_back: 'a minute, for changes that are committed late',
    rate_limits: '429 with Retry-After, in seconds or as a date',
    late_fields: 'everything but id and created_at',
  },
  options: {
    url: { about: 'where the API is', is_required: true },
    token: { about: 'the API token', is_required: true, is_secret: true },
    streams: { about: 'the streams to pull; all of them unless given' },
    page_size: { about: 'items per page, 1 to 1000' },
    history_from: { about: 'ISO time; older changes are left out' },
    concurrency: { about: 'streams pulled at a time' },
  },
  create: (settings) => createPretendSource(settings as unknown as PretendOptions),
}
