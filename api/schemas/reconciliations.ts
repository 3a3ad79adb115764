/** What /v1/reconciliations takes and gives. */
import { Type } from 'typebox'
import { answers } from './common.ts'

const day = { pattern: '^\\d{4}-\\d{2}-\\d{2}$' }

export const listReconciliations = {
  summary: 'What the sources count beside what the warehouse holds',
  description:
    'Each night the records created a day, a week and a month ago are counted at the source and in the warehouse, and one of their numbers is summed. The newest comparison per source, entity and day, latest days first, at most 10,000.',
  tags: ['operations'],
  querystring: Type.Object(
    {
      from: Type.Optional(Type.String({ ...day, description: 'First day (UTC)' })),
      to: Type.Optional(Type.String({ ...day, description: 'First day after the range; not part of it' })),
      source: Type.Optional(Type.String({ maxLength: 64, description: 'One source only' })),
    },
    { additionalProperties: false },
  ),
  response: answers(
    Type.Object({
      reconciliations: Type.Array(
        Type.Object({
          source_id: Type.String(),
          entity: Type.String(),
          day: Type.String(),
          source_count: Type.Integer(),
          warehouse_count: Type.Integer(),
          field: Type.String({ description: 'What is summed; empty where the source sums nothing' }),
          source_sum: Type.Number(),
          warehouse_sum: Type.Number(),
          checked_at: Type.String(),
        }),
      ),
    }),
  ),
}
