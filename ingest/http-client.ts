/**
 * JSON over GET from a server that may be slow, busy, broken or hostile: every
 * request has a deadline and a size bound, is tried again where that can help,
 * and ends in a CallhouseError that carries neither token nor body.
 */
import { CallhouseError } from '../errors.ts'
import { RequestGate, retryAfterMs } from './retry-after.ts'
import type { PullContext } from './source.ts'

export interface HttpClientOptions {
  /** Sent as `Authorization: Bearer …`. */
  token?: string
  /** Headers and body together must be in by then. @default 60_000 */
  timeout_ms?: number
  /** Tries per request, the first included. @default 10 */
  attempts?: number
  /** Waits double from this to `longest_wait_ms`, each shortened by up to half at random. @default 500 */
  first_wait_ms?: number
  /** @default 30_000 */
  longest_wait_ms?: number
  /** A larger body is an error. @default 32 MiB */
  max_bytes?: number
  /** Shared by everyone who talks to the host with this token; it outlives a pull. */
  gate?: RequestGate
  random?: () => number
  /** Calls `late` in `ms`, unless the function it returns is called before. @default a timer */
  deadline?: (ms: number, late: () => void) => () => void
}

export type HttpContext = Pick<PullContext, 'fetch' | 'now' | 'sleep' | 'signal' | 'log'>

/** Thrown by `read` for an answer that is not what was asked for; the request is tried again. */
export class GarbledAnswer extends Error {}

export interface HttpClient {
  /** The answer to a GET, as `read` understands its text. What JSON.parse or `read` refuses is asked for again. */
  get<T>(url: URL, read: (text: string) => T): Promise<T>
}

interface Failure {
  code: 'source_unavailable' | 'source_garbled'
  reason: string
  /** The server asked us to slow down; `wait_ms` is for how long, if it said so. */
  is_throttled?: boolean
  wait_ms?: number | undefined
  cause?: unknown
}

type Settings = Required<Omit<HttpClientOptions, 'token'>> & { headers: Record<string, string> }

const TOO_LATE = new Error('deadline passed')
const RETRYABLE = new Set([408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529])

/** A client that stops with the context's signal. */
export function createHttpClient(context: HttpContext, options: HttpClientOptions = {}): HttpClient {
  const settings: Settings = {
    timeout_ms: options.timeout_ms ?? 60_000,
    attempts: options.attempts ?? 10,
    first_wait_ms: options.first_wait_ms ?? 500,
    longest_wait_ms: options.longest_wait_ms ?? 30_000,
    max_bytes: options.max_bytes ?? 32 * 1024 * 1024,
    gate: options.gate ?? new RequestGate(),
    random: options.random ?? Math.random,
    deadline: options.deadline ?? realDeadline,
    headers: { accept: 'application/json', ...authorization(options.token) },
  }
  return { get: (url, read) => getWithRetries(context, settings, url, read) }
}

function realDeadline(ms: number, late: () => void): () => void {
  const timer = setTimeout(late, ms)
  return () => clearTimeout(timer)
}

async function getWithRetries<T>(context: HttpContext, settings: Settings, url: URL, read: (text: string) => T): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    await settings.gate.pass(context, context.signal)
    const outcome = await tryOnce(context, settings, url, read)
    if ('done' in outcome) return outcome.done
    const { failure } = outcome
    const backoff_ms = Math.ceil(Math.min(settings.longest_wait_ms, settings.first_wait_ms * 2 ** (attempt - 1)) * (1 - settings.random() / 2))
    const wait_ms = failure.wait_ms ?? backoff_ms
    // A busy host is left alone by every stream, a failed request only by its own.
    if (failure.is_throttled) settings.gate.shutUntil(context.now() + wait_ms)
    if (attempt >= settings.attempts) throw givenUp(url, failure, attempt)
    const details = { host: url.host, path: url.pathname, attempt, wait_ms, reason: failure.reason }
    if (wait_ms > 60_000) context.log.warn(details, 'the source asks for a long pause')
    else context.log.debug(details, 'request failed, trying again')
    if (!failure.is_throttled) await context.sleep(wait_ms, context.signal)
  }
}

function givenUp(url: URL, failure: Failure, attempts: number): CallhouseError {
  const remedy =
    failure.code === 'source_garbled'
      ? 'The server answers, but not as its API promises: show its operator this message.'
      : 'Check that the server is up and reachable; the next pull goes on from the checkpoint.'
  return new CallhouseError(failure.code, `${place(url)} failed ${attempts} times; at last ${failure.reason}. ${remedy}`, { cause: failure.cause })
}

async function tryOnce<T>(
  context: HttpContext,
  settings: Settings,
  url: URL,
  read: (text: string) => T,
): Promise<{ done: T } | { failure: Failure }> {
  context.signal.throwIfAborted()
  const stop = new AbortController()
  const abort = (): void => stop.abort()
  const inTime = settings.deadline(settings.timeout_ms, () => stop.abort(TOO_LATE))
  context.signal.addEventListener('abort', abort)
  try {
    const response = await context.fetch(url, { headers: settings.headers, redirect: 'manual', signal: stop.signal })
    if (!response.ok) return { failure: await refused(context, url, response) }
    const text = await boundedText(response, settings.max_bytes, url)
    return readAnswer(text, read)
  } catch (thrown) {
    context.signal.throwIfAborted()
    if (thrown instanceof CallhouseError) throw thrown
    if (stop.signal.reason === TOO_LATE)
      return { failure: { code: 'source_unavailable', reason: `there was no complete answer within ${settings.timeout_ms} ms` } }
    return { failure: { code: 'source_unavailable', reason: `the connection failed${causeCode(thrown)}`, cause: thrown } }
  } finally {
    inTime()
    context.signal.removeEventListener('abort', abort)
  }
}

function readAnswer<T>(text: string, read: (text: string) => T): { done: T } | { failure: Failure } {
  try {
    return { done: read(text) }
  } catch (thrown) {
    // JSON.parse quotes what it stumbled over, which may be a phone number: its message stays here.
    if (thrown instanceof SyntaxError) return { failure: { code: 'source_garbled', reason: 'the answer was not complete JSON' } }
    if (thrown instanceof GarbledAnswer) return { failure: { code: 'source_garbled', reason: thrown.message } }
    // Not the network's fault: hidden from tryOnce's catch, which would try it again.
    throw thrown instanceof CallhouseError ? thrown : new CallhouseError('internal', `Reading an answer failed: ${String(thrown)}`, { cause: thrown })
  }
}

/** What to make of an answer without a body worth reading; throws when trying again cannot help. */
async function refused(context: HttpContext, url: URL, response: Response): Promise<Failure> {
  const { status, headers } = response
  const wait_ms = retryAfterMs(headers, context.now())
  await response.body?.cancel().catch(() => undefined)
  if (RETRYABLE.has(status))
    return { code: 'source_unavailable', reason: `it answered ${status}`, is_throttled: status === 429 || wait_ms !== undefined, wait_ms }
  throw new CallhouseError('source_rejected', `${place(url)} answered ${status}. ${remedyOf(status)}`, { details: { status } })
}

function remedyOf(status: number): string {
  if (status === 401 || status === 403) return 'The token is wrong, revoked or lacks a permission: put a valid one into the configuration.'
  if (status < 400) return 'Redirects are not followed, so that the token goes to no other host: put the final address into the configuration.'
  return 'The request was refused as it is: check the address and the options of the source.'
}

async function boundedText(response: Response, max_bytes: number, url: URL): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  const body = (response.body ?? []) as AsyncIterable<Uint8Array> | Uint8Array[]
  for await (const chunk of body) {
    bytes += chunk.byteLength
    if (bytes > max_bytes)
      throw new CallhouseError('source_garbled', `${place(url)} answered with more than ${max_bytes} bytes. Ask for smaller pages (page_size).`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, bytes).toString('utf8')
}

function authorization(token: string | undefined): Record<string, string> {
  if (token === undefined) return {}
  // fetch would quote a malformed value in its own error.
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new CallhouseError(
      'config_invalid',
      "The source's token is empty, or has a space, a line break or a non-ASCII character in it. Check where it is read from.",
    )
  return { authorization: `Bearer ${token}` }
}

/** Host and path: a query can hold anything. */
function place(url: URL): string {
  return `${url.host}${url.pathname}`
}

function causeCode(thrown: unknown): string {
  const cause = thrown instanceof Error ? (thrown.cause as { code?: unknown } | undefined) : undefined
  return typeof cause?.code === 'string' ? ` (${cause.code})` : ''
}
