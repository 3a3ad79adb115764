/** Requests to RingCentral: with a good token, and within the limits of their group. */
import { CallhouseError } from '../../../errors.ts'
import { createHttpClient, type HttpClientOptions, type HttpContext } from '../../http-client.ts'
import { AccessToken, type Credentials } from './access-token.ts'
import { GroupGate, noticingFetch, rateGroups, type RateGroup } from './rate-groups.ts'

export interface ApiRequest {
  group: RateGroup
  path: string
  query?: Readonly<Record<string, string | number | readonly string[] | undefined>>
  /** Sent as JSON, with POST. */
  body?: object
}

export type RingCentralApi = <T>(context: HttpContext, request: ApiRequest, read: (text: string) => T) => Promise<T>

/** The API of one account; lives as long as the source, since its limits and its token do. */
export function createApi(base: string, credentials: Credentials, http: HttpClientOptions): RingCentralApi {
  const token = new AccessToken(base, credentials, http)
  const gates = Object.fromEntries(Object.entries(rateGroups).map(([name, limit]) => [name, new GroupGate(limit)])) as Record<RateGroup, GroupGate>

  async function send<T>(context: HttpContext, request: ApiRequest, read: (text: string) => T, refused?: string): Promise<T> {
    const gate = gates[request.group]
    const value = await token.get(context, refused)
    const noticing = noticingFetch(context.fetch, gate, context)
    const inner: typeof fetch = request.body === undefined ? noticing : (input, init) => noticing(input, posting(init, request.body!))
    try {
      return await createHttpClient({ ...context, fetch: inner }, { ...http, token: value, gate }).get(urlOf(base, request), read)
    } catch (thrown) {
      // Revoked, or ended early: one new token, one more try.
      if (refused !== undefined || !(thrown instanceof CallhouseError) || thrown.details?.['status'] !== 401) throw thrown
      context.log.info({ path: request.path }, 'the access token was refused, asking for a new one')
      return send(context, request, read, value)
    }
  }

  return (context, request, read) => gates[request.group].alone(() => send(context, request, read))
}

function posting(init: RequestInit | undefined, body: object): RequestInit {
  const headers = { ...(init?.headers as Record<string, string>), 'content-type': 'application/json' }
  return { ...init, method: 'POST', headers, body: JSON.stringify(body) }
}

function urlOf(base: string, { path, query = {} }: ApiRequest): URL {
  const url = new URL(`${base}${path}`)
  for (const [name, value] of Object.entries(query)) {
    if (typeof value === 'object') for (const one of value) url.searchParams.append(name, one)
    else if (value !== undefined) url.searchParams.set(name, String(value))
  }
  return url
}
