/** The access token that a JWT credential is exchanged for: fetched when needed, renewed before it ends, by one request for all who wait. */
import { CallhouseError } from '../../../errors.ts'
import { createHttpClient, GarbledAnswer, type HttpClientOptions, type HttpContext } from '../../http-client.ts'
import { isObject } from './json-fields.ts'
import { GroupGate, noticingFetch, rateGroups } from './rate-groups.ts'

export interface Credentials {
  client_id: string
  client_secret: string
  jwt: string
}

/** Renewed this long before it ends: longer than any request takes. */
const MARGIN_MS = 120_000

export class AccessToken {
  readonly #url: URL
  readonly #credentials: Credentials
  readonly #http: HttpClientOptions
  readonly #gate = new GroupGate(rateGroups.auth)
  #token: { value: string; ends_ms: number } | undefined
  #renewal: Promise<string> | undefined

  constructor(base: string, credentials: Credentials, http: HttpClientOptions) {
    this.#url = new URL(`${base}/restapi/oauth/token`)
    this.#credentials = credentials
    this.#http = http
  }

  /** A token that is good for a while; not `refused`, which the server no longer takes. */
  async get(context: HttpContext, refused?: string): Promise<string> {
    const token = this.#token
    if (token && token.value !== refused && context.now() < token.ends_ms - MARGIN_MS) return token.value
    this.#renewal ??= this.#renew(context).finally(() => (this.#renewal = undefined))
    return this.#renewal
  }

  async #renew(context: HttpContext): Promise<string> {
    const { client_id, client_secret, jwt } = this.#credentials
    const body = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: jwt }).toString()
    const headers = {
      accept: 'application/json',
      authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    }
    const noticing = noticingFetch(context.fetch, this.#gate, context)
    const post: typeof fetch = (input, init) => noticing(input, { ...init, method: 'POST', body, headers })
    const began_ms = context.now()
    try {
      const granted = await createHttpClient({ ...context, fetch: post }, { ...this.#http, gate: this.#gate }).get(this.#url, readGrant)
      this.#token = { value: granted.value, ends_ms: began_ms + granted.lasts_ms }
      return granted.value
    } catch (thrown) {
      const status = thrown instanceof CallhouseError ? thrown.details?.['status'] : undefined
      if (status !== 400 && status !== 401 && status !== 403) throw thrown
      throw new CallhouseError(
        'source_rejected',
        `${this.#url.host} refused the credentials with ${status}. client_id, client_secret and jwt belong to one app of the RingCentral developer console: check all three, and that the JWT was not revoked and that its app allows JWT auth.`,
        { details: { status } },
      )
    }
  }
}

function readGrant(text: string): { value: string; lasts_ms: number } {
  const grant: unknown = JSON.parse(text)
  if (!isObject(grant) || typeof grant['access_token'] !== 'string') throw new GarbledAnswer('the answer was no token: it has no access_token')
  const seconds = grant['expires_in']
  return { value: grant['access_token'], lasts_ms: typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : 3_600_000 }
}
