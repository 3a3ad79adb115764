/** Requests to one API: paced, let in, and tried again as its YAML says. */
import { createHttpClient, type HttpClientOptions, type HttpContext } from '../../http-client.ts'
import { createCredentials, type Credentials } from './credentials.ts'
import { periodMs, type RequestSpec, type RestSpec } from './language.ts'
import { Pacing } from './pacing.ts'
import { fill } from './paths.ts'

export type ApiRequest = Pick<RequestSpec, 'method' | 'body'> & { url: URL; accept?: string }

export class Api {
  /** Without a slash at its end. */
  readonly base: string
  readonly #spec: RestSpec
  readonly #credentials: Credentials
  readonly #pacing: Pacing
  readonly #http: HttpClientOptions

  /** `spec` has its credentials and values filled in. */
  constructor(spec: RestSpec, http: HttpClientOptions = {}) {
    this.base = spec.base_url.replace(/\/+$/, '')
    this.#spec = spec
    this.#http = {
      ...(spec.retry?.attempts !== undefined && { attempts: spec.retry.attempts }),
      ...(spec.retry?.longest_wait !== undefined && { longest_wait_ms: periodMs(spec.retry.longest_wait) }),
      ...http,
    }
    this.#credentials = createCredentials(spec.auth, this.#http)
    this.#pacing = new Pacing(spec.rate_limits)
  }

  /** A request of the YAML with its `{names}` filled. */
  requestOf(spec: RequestSpec, values: Readonly<Record<string, unknown>>): ApiRequest {
    const { path, query = {}, body, method } = fill(spec, values)
    const url = new URL(this.base + path)
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, String(value))
    return { url, ...(method && { method }), ...(body !== undefined && { body }) }
  }

  /** Credentials go to the API's own host, and to no other. */
  isOwn(url: URL): boolean {
    return url.origin === new URL(this.base).origin
  }

  send<T>(context: HttpContext, request: ApiRequest, read: (text: string) => T): Promise<T> {
    const { url, method = 'GET' } = request
    const own = this.isOwn(url)
    const path = url.href.startsWith(this.base) ? url.href.slice(this.base.length) : url.pathname
    const client = createHttpClient(
      { ...context, fetch: own ? this.#authorized(context, request) : plain(context, request) },
      { ...this.#http, ...(own && { gate: this.#pacing.gateFor(method, path) }) },
    )
    return client.get(url, read)
  }

  /** A 401 may be a token that ended early: it is renewed once, and then believed. */
  #authorized(context: HttpContext, request: ApiRequest): typeof fetch {
    const inner = plain(context, request)
    return async (url, init) => {
      const once = async (): Promise<{ response: Response; sent: string | undefined }> => {
        const sent = await this.#credentials.header(context)
        const headers = { ...(init?.headers as Record<string, string>), ...(sent !== undefined && { authorization: sent }) }
        return { response: await inner(url, { ...init, headers }), sent }
      }
      const first = await once()
      if (first.response.status !== 401 || !this.#credentials.renew(first.sent)) return this.#judged(first.response)
      await first.response.body?.cancel()
      return this.#judged((await once()).response)
    }
  }

  /** A status whose meaning the YAML changes is handed on as one that has that meaning. */
  #judged(response: Response): Response {
    const verdict = this.#spec.retry?.statuses?.[String(response.status)]
    if (verdict === undefined) return response
    const status = { retry: 503, throttle: 429, refuse: 400 }[verdict]
    return new Response(response.body, { status, headers: response.headers })
  }
}

function plain(context: HttpContext, { method = 'GET', body, accept }: ApiRequest): typeof fetch {
  return (url, init) =>
    context.fetch(url, {
      ...init,
      method,
      headers: {
        ...(init?.headers as Record<string, string>),
        ...(accept !== undefined && { accept }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
}
