/** The description of the API: OpenAPI 3.1 at /openapi.json, readable at /docs. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

const DESCRIPTION = `Your phone system as a warehouse: metrics, records, exports and recordings.

Every request under /v1 needs a key: \`Authorization: Bearer KEY\`. Every error is \`application/problem+json\` with a stable \`code\`.`

/** Adds /openapi.json and /docs. Register it before the routes it is to describe. */
export function addOpenApi(app: FastifyInstance, version: string): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Callhouse', description: DESCRIPTION, version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'An API key (cdr_live_…)' },
          basic: { type: 'http', scheme: 'basic', description: 'The API key as the password; any user name' },
          header: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        },
      },
      security: [{ bearer: [] }, { basic: [] }, { header: [] }],
      tags: [
        { name: 'metrics', description: 'Figures over time, from the fact tables' },
        { name: 'records', description: 'Rows as the sources gave them' },
        { name: 'ingest', description: 'Records and webhooks that are pushed' },
        { name: 'recordings', description: 'Audio and training manifests' },
        { name: 'operations', description: 'Probes and figures about the server itself' },
      ],
    },
  })
  app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    theme: { title: 'Callhouse API', css: [{ filename: 'callhouse.css', content: '.swagger-ui .topbar { display: none }' }] },
  })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
}
