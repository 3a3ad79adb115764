/** Named reports: saved questions asked of any range. */
import { findReport, reportQuery, reports } from '../../transform/reports/index.ts'
import type { Api } from '../api.ts'
import type { ApiContext } from '../context.ts'
import { readParameters, sendQuery } from '../query-reply.ts'
import { listReports, runReport } from '../schemas/query.ts'

export function addReports(api: Api, context: ApiContext): void {
  api.get('/v1/reports', { schema: listReports, config: { scope: 'read' } }, () => ({ reports }))

  api.get('/v1/reports/:name', { schema: runReport, config: { scope: 'read' } }, async (request, reply) => {
    const { name } = findReport(request.params.name)
    const asked = reportQuery(name, readParameters(request.principal.tenant_id, request.query))
    return await sendQuery(context, request, reply, asked, request.query.format)
  })
}
