/** The API's own figures for Prometheus, and the request log: both by route pattern, never by URL. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Principal } from '../principal.ts'
import { Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

declare module 'fastify' {
  interface FastifyInstance {
    /** Where the application registers its own metrics; /metrics serves it. */
    metricsRegistry: Registry
  }
}

/** Adds a registry (the application's, where it has one), a duration histogram by route, and one log line per request. */
export function addMetrics(app: FastifyInstance, version: string, registry = new Registry()): void {
  collectDefaultMetrics({ register: registry })
  const durations = new Histogram({
    name: 'callhouse_http_request_duration_seconds',
    help: 'Time from the request to the last byte of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300],
    registers: [registry],
  })
  new Gauge({ name: 'callhouse_build_info', help: 'Always 1; the label names the version', labelNames: ['version'], registers: [registry] }).set(
    { version },
    1,
  )
  app.decorate('metricsRegistry', registry)
  app.addHook('onResponse', async (request, reply) => {
    const route = routeOf(request)
    const status = reply.statusCode
    const duration_ms = Math.round(reply.elapsedTime)
    durations.observe({ method: request.method, route, status: String(status) }, reply.elapsedTime / 1000)
    // Open routes and refused keys have none.
    const { actor, tenant_id } = (request.principal as Principal | null | undefined) ?? {}
    request.log.info({ method: request.method, route, status, duration_ms, actor, tenant_id }, 'request')
  })
}

/** The route's pattern; a path nobody serves is one label, or a scanner could fill the registry. */
function routeOf(request: FastifyRequest): string {
  return request.is404 ? 'not found' : (request.routeOptions.url ?? 'not found')
}
