/**
 * Serves the embedded engine over ClickHouse's HTTP interface, so that several
 * processes can share one data directory. For Callhouse's own processes: who
 * has the secret may run anything. Tenants use the API's SQL endpoint.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CallhouseError } from '../errors.ts'
import { EmbeddedConnection } from './embedded-connection.ts'
import { answer, fail } from './warehouse-response.ts'
import { header, readRequest } from './warehouse-request.ts'

export interface WarehouseServerConfig {
  /** The data directory. */
  path: string
  database: string
  host?: string | undefined
  port: number
  /** The password of the user `default`. */
  secret: string | undefined
  /** Needed to listen on anything but loopback. */
  allow_remote?: boolean | undefined
}

/** How long answers under way may take to finish when the server closes. */
const GRACE_MS = 5000

/** Query parameters are part of a request's address; ClickHouse's own limit, where Node's is 16 KiB. */
const ADDRESS_LIMIT_BYTES = 1024 * 1024

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])

/**
 * Starts the server and returns where it is.
 *
 * @example const server = await serveWarehouse({ path: './data/warehouse', database: 'callhouse', port: 0, secret })
 */
export async function serveWarehouse(config: WarehouseServerConfig): Promise<{ url: string; close(): Promise<void> }> {
  const { secret, host = '127.0.0.1' } = config
  if (!secret) throw new CallhouseError('config_missing', 'The warehouse server needs a secret: set warehouse_server.secret to a long random string.')
  if (!LOOPBACK.has(host) && !config.allow_remote) {
    throw new CallhouseError(
      'config_invalid',
      `The warehouse server does not listen on ${host}: it speaks plain HTTP and whoever knows the secret may run anything. Use 127.0.0.1, or a ClickHouse server.`,
    )
  }
  const connection = await EmbeddedConnection.open(config.path, config.database)
  const server = createServer({ maxHeaderSize: ADDRESS_LIMIT_BYTES }, (request, response) => void handle(connection, secret, request, response))
  try {
    await listen(server, config.port, host)
  } catch (error) {
    await connection.close()
    throw error
  }
  // An insert may be sent for as long as it takes.
  server.requestTimeout = 0
  const { address, family, port } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    async close() {
      await new Promise<void>((settle) => {
        const impatience = setTimeout(() => {
          server.closeAllConnections()
        }, GRACE_MS)
        server.close(() => {
          clearTimeout(impatience)
          settle()
        })
        server.closeIdleConnections()
      })
      await connection.close()
    },
  }
}

async function handle(connection: EmbeddedConnection, secret: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => {
    gone.abort()
  })
  try {
    const url = new URL(request.url ?? '/', 'http://warehouse')
    const isGet = request.method === 'GET' || request.method === 'HEAD'
    if (isGet && (url.pathname === '/ping' || (url.pathname === '/' && !url.searchParams.has('query')))) {
      return void response.writeHead(200, { 'Content-Type': 'text/plain; charset=UTF-8' }).end('Ok.\n')
    }
    if (url.pathname !== '/') return void response.writeHead(404).end(`There is no ${url.pathname}. Send queries to /.\n`)
    if (!isGet && request.method !== 'POST') return void response.writeHead(405, { Allow: 'GET, POST' }).end('Use GET or POST.\n')
    if (!isAllowed(request, url, secret)) {
      refuse(request, response)
      return
    }
    await answer(connection, await readRequest(request, url), request, response, gone.signal)
  } catch (error) {
    fail(response, error)
  }
}

/** Basic, X-ClickHouse-User and -Key, or user and password in the URL. */
function isAllowed(request: IncomingMessage, url: URL, secret: string): boolean {
  const basic = /^Basic (.+)$/i.exec(header(request, 'authorization') ?? '')?.[1]
  const decoded = basic === undefined ? undefined : Buffer.from(basic, 'base64').toString('utf8')
  const colon = decoded?.indexOf(':') ?? -1
  const user = decoded?.slice(0, colon) ?? header(request, 'x-clickhouse-user') ?? url.searchParams.get('user') ?? 'default'
  const password = decoded?.slice(colon + 1) ?? header(request, 'x-clickhouse-key') ?? url.searchParams.get('password') ?? ''
  return isSame(password, secret) && user === 'default'
}

/** Compares digests, so that neither content nor length shows in the time it takes. */
function isSame(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(left), digest(right))
}

function refuse(request: IncomingMessage, response: ServerResponse): void {
  // Read to its end, or the client would see a broken upload instead of the reason.
  request.resume()
  const text =
    'Code: 516. DB::Exception: default: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)\n'
  response.writeHead(403, { 'X-ClickHouse-Exception-Code': '516', 'Content-Type': 'text/plain; charset=UTF-8' }).end(text)
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  await new Promise<void>((settle, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      settle()
    })
  })
}
