/**
 * Sends ClickHouse's own bytes to the client as they come. The status waits for
 * the first bytes, so a query that fails at once is still a proper problem
 * document; one that fails later breaks the connection, which every client
 * notices, instead of ending a file early and looking complete.
 */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CallhouseError } from '../errors.ts'
import { loggable, publicCause } from './clickhouse-errors.ts'

/** Aborts when the client goes away; ClickHouse then stops the query. */
export function clientGone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => controller.abort())
  return controller.signal
}

/** Waits for the first chunk (or the end, or the failure) of a stream and gives the whole of it. */
export async function afterFirstBytes(source: AsyncIterable<Buffer | string>, request: FastifyRequest): Promise<Readable> {
  const chunks = source[Symbol.asyncIterator]()
  const first = await chunks.next()
  return Readable.from(rest(first, chunks, request), { objectMode: false })
}

async function* rest(first: IteratorResult<Buffer | string>, chunks: AsyncIterator<Buffer | string>, request: FastifyRequest) {
  try {
    for (let chunk = first; !chunk.done; chunk = await chunks.next()) yield chunk.value
  } catch (thrown) {
    request.log.error({ problem: publicCause(thrown), cause: loggable(thrown) }, 'a stream broke after it began')
    throw new CallhouseError('internal', 'The stream broke after it began.')
  } finally {
    await chunks.return?.()
  }
}
