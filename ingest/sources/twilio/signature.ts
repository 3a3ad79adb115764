/** Whether a webhook comes from Twilio: X-Twilio-Signature over the address and the parameters. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { PushRequest } from '../../source.ts'

/**
 * True when the request was signed with the token. Twilio signs the address as
 * it was configured, with or without the port, then every parameter of a form
 * by name; of another body its SHA-256 is in the address.
 */
export function isSigned(request: PushRequest, params: URLSearchParams | undefined, token: string, public_url?: string): boolean {
  const given = request.headers['x-twilio-signature']
  if (!given) return false
  const url = addressOf(request, public_url)
  if (!url) return false
  const body_hash = url.searchParams.get('bodySHA256')
  if (!params && (body_hash === null || !isEqual(body_hash.toLowerCase(), createHash('sha256').update(request.body).digest('hex')))) return false
  const suffix = params ? formText(params) : ''
  // Both are tried always, so that the time says nothing.
  return addresses(url).reduce((is_signed, address) => isEqual(given, signatureOf(address + suffix, token)) || is_signed, false)
}

/** The signature of a text; exported for tests and mocks, which must sign as Twilio does. */
export function signatureOf(text: string, token: string): string {
  return createHmac('sha1', token).update(text, 'utf8').digest('base64')
}

/** Names and values without separators, by name; values of one name by value, each once, as Twilio's own libraries do. */
export function formText(params: URLSearchParams): string {
  return [...new Set(params.keys())]
    .toSorted()
    .map((name) =>
      [...new Set(params.getAll(name))]
        .toSorted()
        .map((value) => name + value)
        .join(''),
    )
    .join('')
}

function addressOf(request: PushRequest, public_url: string | undefined): URL | undefined {
  if (!URL.canParse(request.url, public_url)) return undefined
  const url = new URL(request.url, public_url)
  return public_url === undefined ? url : new URL(url.pathname + url.search, public_url)
}

function addresses(url: URL): string[] {
  const rest = `${url.pathname}${url.search}`
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  return [`${url.protocol}//${url.hostname}${rest}`, `${url.protocol}//${url.hostname}:${port}${rest}`]
}

/** Compares digests of the two, so that neither length nor content can be timed. */
function isEqual(a: string, b: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(a), hash(b))
}
