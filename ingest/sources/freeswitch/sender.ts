/** Whether a push comes from the switch: by basic authentication (`cred`), by `?token=` in its url, or by neither. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { CallhouseError } from '../../../errors.ts'
import type { PushRequest } from '../../source.ts'

export interface Credentials {
  username?: string | undefined
  password?: string | undefined
  token?: string | undefined
}

/** Throws signature_invalid where what is configured is not what the request shows. */
export function checkSender(request: PushRequest, { username, password, token }: Credentials): void {
  if (password !== undefined) {
    const wanted = `${username ?? ''}:${password}`
    const [scheme = '', given = ''] = (request.headers['authorization'] ?? '').split(' ')
    if (scheme.toLowerCase() !== 'basic' || !isSame(Buffer.from(given, 'base64').toString('utf8'), wanted))
      throw refusal('its user and password are not those of the source. Set cred in json_cdr.conf.xml to them.')
  }
  if (token !== undefined && !isSame(tokenOf(request.url), token))
    throw refusal('its token is not that of the source. End the url in json_cdr.conf.xml with ?token= and the token.')
}

/** mod_json_cdr adds `?uuid=…` whatever the url ends in: a token there has a second question mark after it. */
function tokenOf(url: string): string {
  const query = url.slice(url.indexOf('?') + 1)
  return new URLSearchParams(query.replaceAll('?', '&')).get('token') ?? ''
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [given, wanted].map((text) => createHash('sha256').update(text).digest())
  return timingSafeEqual(a!, b!)
}

function refusal(what: string): CallhouseError {
  return new CallhouseError('signature_invalid', `A CDR was pushed that is not taken: ${what}`)
}
