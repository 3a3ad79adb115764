/** Metrics by dimensions over time. */
import type { Api } from '../api.ts'
import type { ApiContext } from '../context.ts'
import { namesOf, readParameters, sendQuery } from '../query-reply.ts'
import { runMetrics } from '../schemas/query.ts'

export function addQuery(api: Api, context: ApiContext): void {
  api.get('/v1/query', { schema: runMetrics, config: { scope: 'read' } }, async (request, reply) => {
    const { metrics, dimensions = '', format } = request.query
    const asked = { ...readParameters(request.principal.tenant_id, request.query), metrics: namesOf(metrics), dimensions: namesOf(dimensions) }
    return await sendQuery(context, request, reply, asked, format)
  })
}
