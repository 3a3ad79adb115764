/** For tests: a small Pretend Telco on a real socket, with every fault on demand. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { EntityName } from '../records/index.ts'

export const TOKEN = 'test-token-1234567890'

export type TestItem = Record<string, unknown>

export interface TestRequest {
  /** Counts from 0. */
  n: number
  path: string
  cursor: string | null
  updated_since: string | null
}

/** What goes wrong with one answer. */
export type Fault =
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  | { kind: 'hang' | 'reset' | 'truncated' | 'html' | 'shuffled' | 'repeated_cursor' }

export class PretendTestServer {
  readonly requests: TestRequest[] = []
  readonly lists = new Map<EntityName, TestItem[]>()
  fault: (request: TestRequest) => Fault | undefined = () => undefined
  /** Cursors handed out before this request number are refused with 400. */
  cursors_expire_before = -1
  token = TOKEN
  now_ms = Date.UTC(2026, 2, 1)
  #server: Server | undefined

  async start(): Promise<this> {
    this.#server = createServer((request, response) => this.#answer(request, response))
    this.#server.keepAliveTimeout = 1
    await new Promise<void>((resolve) => this.#server!.listen(0, '127.0.0.1', resolve))
    return this
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections()
    await new Promise((resolve) => this.#server?.close(resolve))
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server!.address() as AddressInfo).port}`
  }

  /** Adds or replaces items by id. */
  put(entity: EntityName, ...items: TestItem[]): void {
    const list = this.lists.get(entity) ?? []
    const ids = new Set(items.map((item) => item['id']))
    this.lists.set(entity, [...list.filter((item) => item['id'] === undefined || !ids.has(item['id'])), ...items])
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://test')
    const seen: TestRequest = {
      n: this.requests.length,
      path: url.pathname,
      cursor: url.searchParams.get('cursor'),
      updated_since: url.searchParams.get('updated_since'),
    }
    this.requests.push(seen)
    const fault = this.fault(seen)
    if (fault?.kind === 'hang') return
    if (fault?.kind === 'reset') return void request.socket.destroy()
    if (fault?.kind === 'status') return send(response, fault.status, { error: { code: 'fault', message: 'fault' } }, fault.headers)
    if (fault?.kind === 'html')
      return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html><body>+4930123456 is busy</body></html>')
    if (request.headers.authorization !== `Bearer ${this.token}`) return send(response, 401, { error: { code: 'unauthorized', message: 'no' } })
    if (url.pathname === '/v1/account') return send(response, 200, this.#account())
    const list = this.lists.get(url.pathname.slice('/v1/'.length) as EntityName)
    if (!list) return send(response, 404, { error: { code: 'not_found', message: 'no' } })
    if (seen.cursor !== null && Number(seen.cursor.split('|')[0]) < this.cursors_expire_before)
      return send(response, 400, { error: { code: 'cursor_expired', message: 'no' } })
    const page = this.#page(list, seen, Number(url.searchParams.get('limit')))
    if (fault?.kind === 'shuffled') page.items.reverse()
    if (fault?.kind === 'repeated_cursor' && seen.cursor !== null) page.next_cursor = seen.cursor
    const body = JSON.stringify(page)
    response.writeHead(200, { 'content-type': 'application/json' }).end(fault?.kind === 'truncated' ? body.slice(0, body.length / 2) : body)
  }

  #page(list: TestItem[], request: TestRequest, limit: number): { items: TestItem[]; next_cursor: string | null; as_of: string } {
    const sorted = list.toSorted((a, b) => (place(a) < place(b) ? -1 : 1))
    const after = request.cursor?.split('|').slice(1).join('|')
    const wanted = sorted.filter((item) => (after !== undefined ? place(item) > after : updatedAt(item) >= (request.updated_since ?? '')))
    const items = wanted.slice(0, limit)
    const last = items.at(-1)
    return { items, next_cursor: wanted.length > limit ? `${request.n}|${place(last!)}` : null, as_of: new Date(this.now_ms).toISOString() }
  }

  #account(): object {
    const streams = [...this.lists].map(([name, list]) => ({ name, count: list.length }))
    return { account_id: 'a1', name: 'Test', now: new Date(this.now_ms).toISOString(), history_from: '2026-01-01T00:00:00.000Z', streams }
  }
}

function updatedAt(item: TestItem): string {
  return typeof item['updated_at'] === 'string' ? item['updated_at'] : '2026-01-15T00:00:00.000Z'
}

function place(item: TestItem): string {
  return `${updatedAt(item)}/${typeof item['id'] === 'string' ? item['id'] : '~'}`
}

function send(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

/** A minimal item of any entity; times in ms. */
export function testItem(id: string, updated_ms: number, fields: TestItem = {}): TestItem {
  return { id, created_at: '2026-01-02T00:00:00.000Z', updated_at: new Date(updated_ms).toISOString(), ...fields }
}
