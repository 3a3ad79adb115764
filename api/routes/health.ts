/** Probes for orchestrators and figures for Prometheus. */
import type { FastifyContextConfig } from 'fastify'
import { Type } from 'typebox'
import type { Api } from '../api.ts'
import { loggable } from '../clickhouse-errors.ts'
import type { ApiContext } from '../context.ts'
import { isOperator } from '../plugins/auth.ts'
import { Readiness, withoutNames, type ReadinessReport } from '../readiness.ts'

/** `/livez` asks only whether the process answers; a broken dependency makes it unready, never restarted. */
export function addHealth(api: Api, context: ApiContext, isDraining: () => boolean): void {
  api.get(
    '/livez',
    { schema: { summary: 'The process answers', tags: ['operations'], security: [], response: { 200: Type.Object({ ok: Type.Boolean() }) } } },
    () => ({ ok: true }),
  )

  const schema = { summary: 'The server can do its work', tags: ['operations'], security: [], response: { 200: Readiness, 503: Readiness } }
  api.get('/readyz', { schema }, async (request, reply) => {
    const report: ReadinessReport = isDraining()
      ? { ready: false, checks: { server: 'shutting down' } }
      : await context.ready().catch((thrown: unknown) => {
          request.log.error({ cause: loggable(thrown) }, 'readiness cannot be checked')
          return { ready: false, checks: { server: 'cannot be checked; the log says why' } }
        })
    return await reply.code(report.ready ? 200 : 503).send(isOperator(request, context.config) ? report : withoutNames(report))
  })
}

/** /metrics names tenants and sources in its labels, so it takes the admin key unless the configuration opens it. */
export function addMetricsPage(api: Api, { config }: ApiContext): void {
  const access: FastifyContextConfig = config.openMetrics ? {} : { scope: 'admin', operatorOnly: Boolean(config.adminKey) }
  const schema = {
    summary: 'Figures for Prometheus',
    tags: ['operations'],
    response: { 200: { description: 'Prometheus text', content: { 'text/plain': { schema: Type.String() } } } },
  }
  api.get('/metrics', { schema, config: access }, async (_request, reply) => {
    return await reply.type(api.metricsRegistry.contentType).send(await api.metricsRegistry.metrics())
  })
}
