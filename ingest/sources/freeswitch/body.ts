/**
 * The JSON text of a CDR out of what mod_json_cdr sends or leaves on disk: JSON
 * as it is, percent-encoded, or base64, the latter two with `cdr=` before them
 * in a request and without it in a file of the err-log directory.
 */
import { isUtf8 } from 'node:buffer'
import type { RejectCode } from '../../source.ts'

export interface CdrText {
  text: string
  /** True when the values' own percent-encoding has come off together with the form's. */
  are_values_decoded: boolean
}

export interface BodyFault {
  code: RejectCode
  reason: string
  /** What is kept of the body. */
  payload: string
}

/** The CDR's text, or why there is none. */
export function readBody(body: Buffer): CdrText | BodyFault {
  if (!isUtf8(body)) return fault('not_utf8', 'the body is not UTF-8; the payload is its base64', body.toString('base64'))
  const text = body.toString('utf8').trim()
  if (text === '') return fault('not_json', 'the body is empty', '')
  if (text.startsWith('{')) return { text, are_values_decoded: false }
  const field = fieldOf(text)
  if (field.startsWith('{')) return { text: field, are_values_decoded: false }
  if (/^%7B/i.test(field)) return readForm(field.replaceAll('+', ' '), text)
  return readBase64(field, text)
}

/** The field `cdr` of a form; of what is no form, all of it. */
function fieldOf(text: string): string {
  const [first = ''] = text.split('&').filter((part) => part.startsWith('cdr='))
  return first === '' ? text : first.slice('cdr='.length)
}

/**
 * mod_json_cdr does not encode a % again that stands before two hex digits
 * already, so its form takes the encoding off values and body alike; a sender
 * that does encode it again is known by its %25XX.
 */
function readForm(field: string, original: string): CdrText | BodyFault {
  const encoded_twice = /%25[0-9A-F]{2}/.test(field)
  try {
    const text = decodeURIComponent(field)
    if (encoded_twice || isJson(text)) return { text, are_values_decoded: !encoded_twice }
    const mended = decodeURIComponent(quoteInnerMarks(field))
    return { text: isJson(mended) ? mended : text, are_values_decoded: true }
  } catch {
    return fault('not_utf8', 'the form field is not percent-encoded UTF-8', original)
  }
}

/** Base64 stands in the form as it is: its + is no space. */
function readBase64(field: string, original: string): CdrText | BodyFault {
  const packed = field
    .replaceAll(/\s|%0A/gi, '')
    .replaceAll(/%3D/gi, '=')
    .replaceAll(/%2B/gi, '+')
    .replaceAll(/%2F/gi, '/')
  if (!/^[A-Za-z0-9+/_-]+=*$/.test(packed)) return fault('not_json', 'the body is neither JSON, nor a form with cdr=, nor base64', original)
  const bytes = Buffer.from(packed, 'base64')
  // The encoder counts the C string's end in where its buffer is larger than the text.
  const end = bytes.indexOf(0)
  const json = end < 0 ? bytes : bytes.subarray(0, end)
  if (json[0] !== '{'.charCodeAt(0)) return fault('not_json', 'the body is neither JSON, nor a form with cdr=, nor base64 of JSON', original)
  if (!isUtf8(json)) return fault('not_utf8', 'the base64 in the body is not of UTF-8', original)
  return { text: json.toString('utf8').trim(), are_values_decoded: false }
}

/** What ends a string in compact JSON: a colon, the end of an object or list, or a comma with the next string or object after it. */
const CLOSES = /^(:|%3A|%7D|\}|%5D|\]|,(%22|"|%7B|\{|\[|%5B)|,?$)/i

/**
 * In a form as mod_json_cdr makes it, a quotation mark in a value looks like
 * one around it (both %22). Those that cannot begin or end a string are within one.
 */
function quoteInnerMarks(field: string): string {
  let inside = false
  return field.replaceAll(/%5C%22|%5C|%22/gi, (mark, at: number) => {
    const rest = field.slice(at + mark.length, at + mark.length + 8)
    if (mark.length === 6) return mark
    if (mark.toUpperCase() === '%5C') return /^[bfnrtu/]/.test(rest) ? mark : '%5C%5C'
    if (!inside) {
      inside = true
      return mark
    }
    if (!CLOSES.test(rest)) return '%5C%22'
    inside = false
    return mark
  })
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function fault(code: RejectCode, reason: string, payload: string): BodyFault {
  return { code, reason, payload }
}
