/** Probes and figures of a process without the API: /livez, /readyz and /metrics on a port of their own, and nothing else. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { collectDefaultMetrics, type Registry } from 'prom-client'
import { withoutNames, type ReadinessReport } from './api/readiness.ts'
import { CallhouseError } from './errors.ts'

export interface MetricsServerOptions {
  host: string
  port: number
  /** What /metrics and the names of sources take, where there is one; otherwise whoever reaches the port has them. */
  admin_key: string | undefined
  registry: Registry
  ready: () => Promise<ReadinessReport>
}

interface Reply {
  status: number
  type: string
  body: string
}

/** Listens until closed. Throws config_invalid when the port is taken. */
export async function serveMetrics(options: MetricsServerOptions): Promise<{ url: string; close(): Promise<void> }> {
  collectDefaultMetrics({ register: options.registry })
  const server = createServer((request, response) => {
    reply(request, options)
      .catch(() => ({ status: 503, type: 'text/plain', body: 'cannot be read now\n' }))
      .then((answer) => send(response, answer, request.method === 'HEAD'))
      .catch(() => response.destroy())
  })
  const { host, port } = options
  await new Promise<void>((resolve, reject) => {
    server.once('error', (thrown: NodeJS.ErrnoException) =>
      reject(
        thrown.code === 'EADDRINUSE'
          ? new CallhouseError('config_invalid', `Port ${port} of ${host} is taken. Give each process a CALLHOUSE_METRICS_PORT of its own.`)
          : thrown,
      ),
    )
    server.listen(port, host, resolve)
  })
  const { address, family, port: actual } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function reply(request: IncomingMessage, { registry, ready, admin_key }: MetricsServerOptions): Promise<Reply> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, type: 'text/plain', body: 'GET only\n' }
  const is_operator = admin_key === undefined || hasKey(request, admin_key)
  switch (request.url?.split('?')[0]) {
    case '/livez':
      return json(200, { ok: true })
    case '/readyz': {
      const report = await ready()
      return json(report.ready ? 200 : 503, is_operator ? report : withoutNames(report))
    }
    case '/metrics':
      if (!is_operator) return { status: 401, type: 'text/plain', body: 'This takes the admin key: Authorization: Bearer KEY\n' }
      return { status: 200, type: registry.contentType, body: await registry.metrics() }
    default:
      return { status: 404, type: 'text/plain', body: 'Here are /metrics, /readyz and /livez.\n' }
  }
}

function json(status: number, body: object): Reply {
  return { status, type: 'application/json', body: JSON.stringify(body) }
}

function send(response: ServerResponse, { status, type, body }: Reply, head: boolean): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' })
  response.end(head ? undefined : body)
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Comparing digests takes the same time whatever the lengths. */
function hasKey(request: IncomingMessage, key: string): boolean {
  const presented = /^Bearer\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1]
  return presented !== undefined && timingSafeEqual(digest(presented), digest(key))
}
