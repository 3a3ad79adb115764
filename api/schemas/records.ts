/** What /v1/records and /v1/export take and give. */
import { Type } from 'typebox'
import { formats } from '../formats.ts'
import { exportTables, recordTables } from '../tables.ts'
import { answers, oneOf, range, streamed } from './common.ts'

const include = Type.Optional(Type.Literal('payload', { description: 'Adds the source’s own JSON or line' }))

export const listRecords = {
  summary: 'Rows of one entity, a page at a time',
  description: 'Current versions in storage order. Any limit lists every row exactly once. `from` and `to` bound the entity’s first time field.',
  tags: ['records'],
  params: Type.Object({ entity: Type.String({ description: recordTables.join(', ') }) }),
  querystring: Type.Object(
    {
      ...range,
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
      cursor: Type.Optional(Type.String({ maxLength: 4096, description: 'next_cursor of the page before' })),
      include,
    },
    { additionalProperties: false },
  ),
  response: answers(
    Type.Object({
      items: Type.Array(Type.Record(Type.String(), Type.Unknown())),
      next_cursor: Type.Union([Type.String(), Type.Null()], { description: 'Null on the last page' }),
    }),
  ),
}

export const exportRows = {
  summary: 'Every row of an entity or a fact table, as one stream',
  description: 'A stream that ends early breaks the connection, so a file that arrived whole is whole. An empty range gives the columns and no rows.',
  tags: ['records'],
  params: Type.Object({ entity: Type.String({ description: exportTables.join(', ') }) }),
  querystring: Type.Object(
    {
      ...range,
      format: Type.Optional(oneOf(['arrow', 'csv', 'jsonl', 'parquet'], { default: 'arrow' })),
      include,
    },
    { additionalProperties: false },
  ),
  response: streamed(
    'The rows',
    Object.values(formats).map(({ content_type }) => content_type),
  ),
}
