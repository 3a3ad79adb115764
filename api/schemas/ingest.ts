/** What /v1/ingest takes and gives. */
import { Type } from 'typebox'
import { recordTables } from '../tables.ts'
import { answers, Problem } from './common.ts'

const id = (description: string) => Type.String({ pattern: '^[a-z0-9][a-z0-9_-]{0,62}$', description })
/** Bodies are read by the source, or record by record: nothing is checked on the way. */
const anything = (description: string) => ({ schema: Type.Unsafe<Buffer>({ description }) })

const pushed = {
  body: { content: { '*/*': anything('Whatever the phone system sends') } },
  response: {
    200: { description: 'Everything is durable; the body is what the source’s system expects' },
    204: { description: 'Everything is durable' },
    default: { description: 'What went wrong; nothing was kept', content: { 'application/problem+json': { schema: Problem } } },
  },
}

export const pushToSource = {
  summary: 'What a phone system sends by itself',
  description: 'Hands the request to the source of that name. Needs a key with the scope `ingest`, which a PBX can send as its Basic password.',
  tags: ['ingest'],
  params: Type.Object({ source: id('The source’s id in the configuration') }),
  ...pushed,
}

export const webhook = {
  summary: 'A signed webhook',
  description: 'For vendors whose webhooks the source checks by their signature: no API key. A wrong signature is 403, and nothing is kept.',
  tags: ['ingest'],
  security: [],
  params: Type.Object({ tenant: id('The tenant’s id'), source: id('The source’s id in the configuration') }),
  ...pushed,
}

export const pushRecords = {
  summary: 'Canonical records',
  description:
    'Every record is accepted or rejected by itself; rejected ones are kept as dead letters. accepted + rejected = inputs. Sending a record again changes nothing.',
  tags: ['ingest'],
  params: Type.Object({ entity: Type.String({ description: recordTables.join(', ') }) }),
  querystring: Type.Object(
    {
      source: Type.Optional(
        Type.String({ pattern: '^[a-z0-9][a-z0-9_-]{0,62}$', default: 'push', description: 'The source the records are kept under' }),
      ),
    },
    { additionalProperties: false },
  ),
  headers: Type.Object({
    'idempotency-key': Type.Optional(
      Type.String({ minLength: 1, maxLength: 255, description: 'For a day, the same key with the same body gives the same answer' }),
    ),
  }),
  body: {
    content: {
      'application/json': anything('An array of records, or { "records": [...] }; at most 10 MB'),
      'application/x-ndjson': anything('A record per line'),
      'text/csv': anything('A record per line, its fields named in the first'),
    },
  },
  response: answers(
    Type.Object({
      inputs: Type.Integer(),
      accepted: Type.Integer(),
      rejected: Type.Integer(),
      verdicts: Type.Array(
        Type.Object({
          index: Type.Integer({ description: 'Counts from 0' }),
          outcome: Type.Unsafe<'accepted' | 'rejected'>({ type: 'string', enum: ['accepted', 'rejected'] }),
          code: Type.Optional(Type.String({ description: 'Of a rejected record' })),
          reason: Type.Optional(Type.String({ description: 'Names the field, never its value' })),
        }),
        { description: 'One per record, in their order' },
      ),
    }),
  ),
}
