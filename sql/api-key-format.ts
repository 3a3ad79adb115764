/**
 * What an API key looks like: cdr_live_, 30 random base62 characters (178
 * bits), 6 of checksum. The fixed start lets secret scanners find a leaked one;
 * the checksum tells a mistyped one without asking the database.
 */
import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const START = 'cdr_live_'
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const SHAPE = /^cdr_live_[0-9A-Za-z]{36}$/
/** cdr_live_ and six characters: what may be shown, and what a key is looked up by. */
const SHOWN = 15

/** A new key. It is seen once and stored only as a hash. */
export function newKey(): string {
  let secret = ''
  while (secret.length < 30) {
    // 248 is the largest multiple of 62 in a byte: what lies above would favour the first characters.
    for (const byte of randomBytes(40)) if (byte < 248 && secret.length < 30) secret += BASE62.charAt(byte % 62)
  }
  return `${START}${secret}${checksum(START + secret)}`
}

/** True for a text that was once a key; no more than that. */
export function isKey(text: string): boolean {
  return SHAPE.test(text) && text.slice(-6) === checksum(text.slice(0, -6))
}

/** The part of a key that may be shown. */
export const shownPart = (key: string): string => key.slice(0, SHOWN)

function checksum(text: string): string {
  let rest = crc32(text)
  let digits = ''
  for (let place = 0; place < 6; place++) {
    digits = BASE62.charAt(rest % 62) + digits
    rest = Math.floor(rest / 62)
  }
  return digits
}
