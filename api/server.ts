/** Puts the API together: plugins around routes. Nothing here knows what a route does. */
import { randomUUID } from 'node:crypto'
import rateLimit from '@fastify/rate-limit'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyReply } from 'fastify'
import type { Registry } from 'prom-client'
import type { Api } from './api.ts'
import type { ApiContext } from './context.ts'
import { liveReader } from './live/read-live.ts'
import { createLogger } from './logger.ts'
import { cachedCoverage } from '../transform/completeness.ts'
import { addAuth } from './plugins/auth.ts'
import { addErrors, sendProblem } from './plugins/errors.ts'
import { addMetrics } from './plugins/metrics.ts'
import { addOpenApi } from './plugins/openapi.ts'
import { addRateLimit, rateLimitOptions } from './plugins/rate-limit.ts'
import { addCatalogue } from './routes/catalogue.ts'
import { addExport } from './routes/export.ts'
import { addHealth, addMetricsPage } from './routes/health.ts'
import { addIngest, addWebhooks } from './routes/ingest.ts'
import { addLanding } from './routes/landing.ts'
import { addLive } from './routes/live.ts'
import { addQuery } from './routes/query.ts'
import { addReconciliations } from './routes/reconciliations.ts'
import { addRecordingAudio } from './routes/recording-audio.ts'
import { addRecordingManifest } from './routes/recording-manifest.ts'
import { addRecords } from './routes/records.ts'
import { addReports } from './routes/reports.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Makes /readyz say no while requests still work, so balancers look elsewhere before `close()`. */
    beginDrain(): void
  }
}

/** A refresh publishes coverage about once a second; asking more often would learn nothing. */
const COVERAGE_MAX_AGE_MS = 1_000

type Optional = 'coverage' | 'ingest' | 'live' | 'openAudio' | 'pseudonymKey' | 'ready' | 'now'

export interface ServerOptions extends Omit<ApiContext, Optional>, Partial<Pick<ApiContext, Optional>> {
  /** @default pino to standard output, with credentials redacted */
  logger?: FastifyBaseLogger
  /** The application's own metrics, which /metrics gives beside the API's. @default a new one */
  metricsRegistry?: Registry
  /** More routes under the same key check, error form and documentation; each must declare its scope. */
  extend?: (api: Api, context: ApiContext) => void
}

/**
 * The API server, not yet listening. `close()` refuses new requests and
 * finishes those under way.
 *
 * @example await buildServer({ warehouse, control, config, version }).listen({ host: config.host, port: config.port })
 */
export function buildServer(options: ServerOptions): FastifyInstance {
  const context = withDefaults(options)
  const app = Fastify({
    loggerInstance: options.logger ?? (createLogger() as FastifyBaseLogger),
    // Fastify's own request log has the URL in it, and so phone numbers.
    logController: new LogController({ disableRequestLogging: true }),
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply as unknown as FastifyReply),
    // Also the log_comment of our queries in ClickHouse's query_log, so it is unique over processes.
    genReqId: () => randomUUID(),
    trustProxy: context.config.trustProxy ?? false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 512 },
    // Unknown parameters are mistakes to report, not to drop.
    ajv: { customOptions: { removeAdditional: false } },
  }).withTypeProvider<TypeBoxTypeProvider>()
  // Schemas of answers describe; they do not cut fields off.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  const drain = addDrain(app)
  addErrors(app)
  addMetrics(app, context.version, options.metricsRegistry)
  addOpenApi(app, context.version)
  app.register(rateLimit, rateLimitOptions(context.config.requestsPerMinute))
  app.register(async (open) => addOpenRoutes(open.withTypeProvider<TypeBoxTypeProvider>(), context, drain))
  app.register(async (open) => {
    addRateLimit(open)
    addWebhooks(open.withTypeProvider<TypeBoxTypeProvider>(), context)
  })
  app.register(async (keyed) => addKeyedRoutes(keyed.withTypeProvider<TypeBoxTypeProvider>(), context, options.extend))
  return app
}

function withDefaults({ logger: _logger, extend: _extend, metricsRegistry: _registry, ...options }: ServerOptions): ApiContext {
  const now = options.now ?? Date.now
  return {
    ...options,
    now,
    coverage: options.coverage ?? cachedCoverage(COVERAGE_MAX_AGE_MS, () => performance.now()),
    live: options.live ?? liveReader(options.warehouse, now),
    openAudio: options.openAudio,
    ingest: options.ingest,
    pseudonymKey: options.pseudonymKey,
    ready: options.ready ?? (() => Promise.resolve({ ready: true, checks: {} })),
  }
}

function addDrain(app: Api): () => boolean {
  let isDraining = false
  const begin = () => {
    isDraining = true
  }
  app.decorate('beginDrain', begin)
  app.addHook('preClose', async () => begin())
  return () => isDraining
}

function addOpenRoutes(api: Api, context: ApiContext, isDraining: () => boolean): void {
  addLanding(api)
  addHealth(api, context, isDraining)
}

function addKeyedRoutes(api: Api, context: ApiContext, extend: ServerOptions['extend']): void {
  addRateLimit(api)
  addAuth(api, context)
  addMetricsPage(api, context)
  addCatalogue(api)
  addQuery(api, context)
  addReports(api, context)
  addRecords(api, context)
  addExport(api, context)
  addLive(api, context)
  addReconciliations(api, context)
  addRecordingManifest(api, context)
  addRecordingAudio(api, context)
  api.register(async (raw) => addIngest(raw.withTypeProvider<TypeBoxTypeProvider>(), context))
  extend?.(api, context)
}
