/** What /v1/live gives. */
import { Type } from 'typebox'
import { answers } from './common.ts'

export const readLive = {
  summary: 'Callers waiting and agents by state, now',
  description: 'From the records of the last day. `as_of` is when the newest of them was received.',
  tags: ['metrics'],
  querystring: Type.Object({}, { additionalProperties: false }),
  response: answers(
    Type.Object({
      as_of: Type.Union([Type.String(), Type.Null()]),
      queues: Type.Array(Type.Object({ queue_id: Type.String(), waiting: Type.Integer(), longest_wait_ms: Type.Integer() })),
      agents: Type.Array(Type.Object({ state: Type.String(), agents: Type.Integer() })),
    }),
  ),
}
