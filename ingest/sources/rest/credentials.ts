/** What is sent to be let in: basic, bearer, or a token that OAuth2 gives for a while. */
import { CallhouseError } from '../../../errors.ts'
import { createHttpClient, GarbledAnswer, type HttpClientOptions, type HttpContext } from '../../http-client.ts'
import { periodMs, type Auth } from './language.ts'

type OAuth2 = Extract<Auth, { type: 'oauth2' }>

export interface Credentials {
  /** The Authorization header; undefined where none is needed. */
  header(context: HttpContext): Promise<string | undefined>
  /** Called after a 401 with the header that was refused: true when it is worth another try with a new one. */
  renew(refused: string | undefined): boolean
}

/** `auth` with its values filled in. Lives as long as the source, so that a token is fetched once. */
export function createCredentials(auth: Auth, http: HttpClientOptions = {}): Credentials {
  if (auth.type === 'oauth2') return new OAuth2Token(auth, http)
  const header =
    auth.type === 'basic'
      ? `Basic ${Buffer.from(`${printable(auth.username, true)}:${printable(auth.password, true)}`, 'utf8').toString('base64')}`
      : auth.type === 'bearer'
        ? `Bearer ${printable(auth.token)}`
        : undefined
  return { header: () => Promise.resolve(header), renew: () => false }
}

interface Token {
  header: string
  renew_at_ms: number
}

class OAuth2Token implements Credentials {
  readonly #auth: OAuth2
  readonly #http: HttpClientOptions
  #token: Token | undefined
  #pending: Promise<Token> | undefined

  constructor(auth: OAuth2, http: HttpClientOptions) {
    this.#auth = auth
    this.#http = http
    printable(auth.client_id, true)
    printable(auth.client_secret, true)
  }

  async header(context: HttpContext): Promise<string> {
    if (this.#token && context.now() < this.#token.renew_at_ms) return this.#token.header
    // Streams that start together ask once.
    this.#pending ??= this.#ask(context).finally(() => (this.#pending = undefined))
    this.#token = await this.#pending
    return this.#token.header
  }

  renew(refused: string | undefined): boolean {
    if (this.#token?.header === refused) this.#token = undefined
    return true
  }

  async #ask(context: HttpContext): Promise<Token> {
    const { token_url, client_id, client_secret, client_in = 'header', params = {}, renew_before = '60s' } = this.#auth
    const form = new URLSearchParams({ grant_type: 'client_credentials', ...params })
    const headers: Record<string, string> = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' }
    if (client_in === 'header') headers['authorization'] = `Basic ${Buffer.from(`${client_id}:${client_secret}`, 'utf8').toString('base64')}`
    else {
      form.set('client_id', client_id)
      form.set('client_secret', client_secret)
    }
    const asked_ms = context.now()
    const post: typeof fetch = (url, init) => context.fetch(url, { ...init, method: 'POST', headers, body: form.toString() })
    try {
      const { access_token, expires_s } = await createHttpClient({ ...context, fetch: post }, this.#http).get(new URL(token_url), readToken)
      return { header: `Bearer ${access_token}`, renew_at_ms: asked_ms + Math.max(expires_s * 500, expires_s * 1_000 - periodMs(renew_before)) }
    } catch (thrown) {
      if (!(thrown instanceof CallhouseError) || thrown.code !== 'source_rejected') throw thrown
      const host = new URL(token_url).host
      throw new CallhouseError('source_rejected', `${host} gives no token: client id, secret or account is wrong. Check the credentials.`, {
        cause: thrown,
        ...(thrown.details && { details: thrown.details }),
      })
    }
  }
}

function readToken(text: string): { access_token: string; expires_s: number } {
  const answer = JSON.parse(text) as { access_token?: unknown; expires_in?: unknown } | null
  const token = answer?.access_token
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) throw new GarbledAnswer('the answer has no access_token')
  const expires_s = Number(answer?.expires_in ?? 3_600)
  return { access_token: token, expires_s: Number.isFinite(expires_s) && expires_s > 0 ? expires_s : 3_600 }
}

/** Refuses what a header cannot carry, without quoting it. */
function printable(secret: string, allows_space = false): string {
  if ((allows_space ? /^[^\p{Cc}]+$/u : /^[\x21-\x7e]+$/).test(secret)) return secret
  throw new CallhouseError('config_invalid', 'A credential is empty, or has a line break or another sign in it that no header can carry.')
}
