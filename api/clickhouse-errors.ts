/**
 * What a failure of the warehouse looks like from outside. ClickHouse's own
 * words hold SQL, settings and sometimes values, so a client only ever sees
 * one of the sentences here; the log gets the rest.
 */
import { CallhouseError, messageOf } from '../errors.ts'

const TOO_LARGE = new Map([
  ['158', 'reads too many rows'],
  ['159', 'takes too long'],
  ['160', 'would take too long'],
  ['241', 'needs too much memory'],
  ['307', 'reads too many bytes'],
  ['396', 'has too many rows in its result'],
])
const UNREACHABLE = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'EHOSTUNREACH'])
/** Too many queries at once, a lost replica or a server that is shutting down. */
const BUSY = new Set(['202', '209', '210', '236', '242', '999'])

/** The public form of an error the warehouse threw, or undefined when it is not one. */
export function warehouseError(thrown: unknown): CallhouseError | undefined {
  if (thrown instanceof CallhouseError || !(thrown instanceof Error)) return undefined
  const code = codeOf(thrown) ?? /Code: (\d+)/.exec(thrown.message)?.[1] ?? ''
  const tooLarge = TOO_LARGE.get(code)
  if (tooLarge)
    return new CallhouseError('query_too_large', `This query ${tooLarge}. Ask for a shorter range, a coarser grain or fewer dimensions.`, {
      cause: thrown,
    })
  if (UNREACHABLE.has(code) || BUSY.has(code))
    return new CallhouseError('warehouse_unavailable', 'The warehouse does not answer right now. Try again in a few seconds.', { cause: thrown })
  if (/^\d+$/.test(code) || /DB::|ClickHouse/i.test(thrown.message) || thrown.name === 'ClickHouseError')
    return new CallhouseError('warehouse_query', 'The warehouse could not answer this query. The server log has the reason under this request id.', {
      cause: thrown,
    })
  return undefined
}

function codeOf(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | undefined)?.code
  return typeof code === 'string' || typeof code === 'number' ? String(code) : undefined
}

/** An error's message for the log, with anything that may be a phone number blanked. */
export function loggable(thrown: unknown): { name: string; code?: string; message: string } {
  const code = codeOf(thrown)
  return {
    name: thrown instanceof Error ? thrown.name : typeof thrown,
    ...(code === undefined ? {} : { code }),
    message: messageOf(thrown)
      .slice(0, 2000)
      .replace(/\+?\d[\d ().-]{5,}\d/g, '<digits>'),
  }
}

/** The public code of whatever a stream died of. */
export function publicCause(thrown: unknown): string {
  return thrown instanceof CallhouseError ? thrown.code : (warehouseError(thrown)?.code ?? 'internal')
}
