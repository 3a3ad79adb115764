/** Runs one request on the embedded engine and answers as ClickHouse's HTTP interface does. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { constants, createBrotliCompress, createGzip, type BrotliCompress, type Gzip } from 'node:zlib'
import { ClickHouseError } from '@clickhouse/client'
import { CallhouseError, messageOf } from '../errors.ts'
import { spliceOf } from './chunk-splice.ts'
import { summaryOf, type EmbeddedConnection } from './embedded-connection.ts'
import { bytesOf, type StatementOptions } from './embedded-engine.ts'
import { runInsert } from './embedded-insert.ts'
import type { StatementShape } from './statement.ts'
import { streamFromEngine } from './stream-bytes.ts'
import { header, type WarehouseRequest } from './warehouse-request.ts'

type Compressor = Gzip | BrotliCompress

/** Answers a request; throws only before anything was sent. */
export async function answer(
  connection: EmbeddedConnection,
  request: WarehouseRequest,
  incoming: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const shape = connection.checkStatement(request.query)
  const format = shape.format?.name ?? request.default_format
  const options: StatementOptions & { format: string } = {
    database: request.database ?? connection.database,
    settings: request.settings,
    params: request.params,
    format,
    abort_signal: signal,
  }
  const tag = randomBytes(8).toString('hex')
  response.setHeader('X-ClickHouse-Query-Id', request.query_id ?? randomUUID())
  response.setHeader('X-ClickHouse-Server-Display-Name', 'callhouse')
  response.setHeader('X-ClickHouse-Timezone', 'UTC')
  response.setHeader('X-ClickHouse-Exception-Tag', tag)

  if (request.values || shape.infile_at !== undefined) {
    const written = await runInsert(connection.engine, request.query, shape, request.values, options)
    response.setHeader('X-ClickHouse-Summary', JSON.stringify(summaryOf(written)))
    response.end()
    return
  }
  response.setHeader('X-ClickHouse-Format', format)
  response.setHeader('Content-Type', contentTypes[format] ?? 'application/octet-stream')
  const compressor = request.compresses ? chooseCompressor(header(incoming, 'accept-encoding') ?? '', response) : undefined
  if (streams(shape, request, format)) {
    const sql = shape.format ? request.query.slice(0, shape.format.at) + request.query.slice(shape.format.ends_at) : request.query
    response.setHeader('X-ClickHouse-Summary', JSON.stringify(summaryOf({})))
    await send(await streamFromEngine(connection.engine, sql, options), compressor, response, tag)
    return
  }
  const result = await connection.engine.run(request.query, options)
  response.setHeader(
    'X-ClickHouse-Summary',
    JSON.stringify(summaryOf({ read_rows: result.rowsRead, read_bytes: result.bytesRead, elapsed: result.elapsed })),
  )
  const bytes = bytesOf(result)
  if (compressor) await send(Readable.from([bytes]), compressor, response, tag)
  else response.end(bytes)
}

/**
 * Streaming plans the query on the event loop, sub-selects included (see
 * EmbeddedEngine.stream), so a query with some is streamed only for clients that
 * say `wait_end_of_query=0`, as streamBytes does.
 */
function streams(shape: StatementShape, request: WarehouseRequest, format: string): boolean {
  if (shape.verb !== 'SELECT' && shape.verb !== 'WITH') return false
  if (request.waits_for_end !== undefined) return !request.waits_for_end
  return shape.selects === 1 && spliceOf(format) !== undefined
}

/** Writes at the reader's pace; a failure midway is written between its marks and then breaks the response off. */
async function send(source: Readable, compressor: Compressor | undefined, response: ServerResponse, tag: string): Promise<void> {
  const target = compressor ?? response
  compressor?.pipe(response)
  try {
    for await (const chunk of source) {
      if (response.destroyed) return
      if (!target.write(chunk)) await drained(target, response)
    }
    target.end()
  } catch (error) {
    const { text } = describe(error)
    const message = `${text}\n`
    const block = `\r\n__exception__\r\n${tag}\r\n${message}${Buffer.byteLength(message)} ${tag}\r\n__exception__\r\n`
    if (!response.headersSent) response.flushHeaders()
    target.write(block, () => {
      const breakOff = (): void => {
        response.destroy()
      }
      if (compressor) compressor.flush(() => setImmediate(breakOff))
      else breakOff()
    })
  }
}

async function drained(target: NodeJS.EventEmitter, response: ServerResponse): Promise<void> {
  await new Promise<void>((settle) => {
    const done = (): void => {
      target.off('drain', done)
      response.off('close', done)
      settle()
    }
    target.once('drain', done)
    response.once('close', done)
  })
}

/** Sends an error, or breaks the response off when part of it has gone. */
export function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) return void response.destroy()
  const { code, status, text } = describe(error)
  response.removeHeader('Content-Encoding')
  response.setHeader('X-ClickHouse-Exception-Code', code)
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8')
  // The request may not have been read to its end.
  response.setHeader('Connection', 'close')
  response.writeHead(status).end(`${text}\n`)
}

const NOT_FOUND = new Set([
  'UNKNOWN_TABLE',
  'UNKNOWN_DATABASE',
  'UNKNOWN_IDENTIFIER',
  'UNKNOWN_FUNCTION',
  'UNKNOWN_SETTING',
  'UNKNOWN_FORMAT',
  'UNKNOWN_TYPE',
])
const SERVER_SIDE = new Set(['MEMORY_LIMIT_EXCEEDED', 'NOT_ENOUGH_SPACE', 'LOGICAL_ERROR', 'ABORTED', 'TIMEOUT_EXCEEDED', 'TOO_MANY_PARTS'])

function describe(error: unknown): { code: string; status: number; text: string } {
  if (error instanceof ClickHouseError) {
    const type = error.type ?? 'UNKNOWN_EXCEPTION'
    const status = NOT_FOUND.has(type) ? 404 : SERVER_SIDE.has(type) ? 500 : 400
    return { code: error.code, status, text: `Code: ${error.code}. DB::Exception: ${error.message.trim()} (${type}) (version embedded)` }
  }
  if (error instanceof CallhouseError)
    return { code: '36', status: error.status, text: `Code: 36. DB::Exception: ${error.message} (BAD_ARGUMENTS) (version embedded)` }
  return { code: '1002', status: 500, text: `Code: 1002. DB::Exception: ${messageOf(error)} (UNKNOWN_EXCEPTION) (version embedded)` }
}

function chooseCompressor(accepted: string, response: ServerResponse): Compressor | undefined {
  const codec = /\bgzip\b/i.test(accepted) ? 'gzip' : /\bbr\b/i.test(accepted) ? 'br' : undefined
  if (!codec) return undefined
  response.setHeader('Content-Encoding', codec)
  // Speed before size: the other end is on the same machine.
  return codec === 'gzip' ? createGzip({ level: 1 }) : createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })
}

const contentTypes: Record<string, string> = {
  JSON: 'application/json; charset=UTF-8',
  JSONEachRow: 'application/x-ndjson; charset=UTF-8',
  JSONCompactEachRow: 'application/x-ndjson; charset=UTF-8',
  CSV: 'text/csv; charset=UTF-8; header=absent',
  CSVWithNames: 'text/csv; charset=UTF-8; header=present',
  TabSeparated: 'text/tab-separated-values; charset=UTF-8',
  ArrowStream: 'application/vnd.apache.arrow.stream',
  Parquet: 'application/vnd.apache.parquet',
}
