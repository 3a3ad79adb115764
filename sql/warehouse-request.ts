/** Reads a request of ClickHouse's HTTP interface into one statement and what it runs with. */
import type { IncomingMessage } from 'node:http'
import { pipeline, type Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import type { ClickHouseSettings } from '@clickhouse/client'
import { CallhouseError } from '../errors.ts'
import { gatherBody, MEMORY_LIMIT_BYTES } from './insert-body.ts'
import { readStatement } from './statement.ts'

export interface WarehouseRequest {
  query: string
  /** The body, when it is data and not the statement. */
  values?: Readable | undefined
  /** Query parameters as the client wrote them. */
  params: Record<string, string>
  settings: ClickHouseSettings
  database: string | undefined
  query_id: string | undefined
  /** The format when the statement names none. */
  default_format: string
  /** True, false, or undefined when the client has not said. */
  waits_for_end: boolean | undefined
  compresses: boolean
}

/** URL parameters that are neither settings nor query parameters. */
const RESERVED = new Set([
  'query',
  'database',
  'query_id',
  'default_format',
  'wait_end_of_query',
  'session_id',
  'session_timeout',
  'session_check',
  'role',
  'user',
  'password',
  'quota_key',
])

/** Everything a request says; `credentials` are checked by the caller before. */
export async function readRequest(request: IncomingMessage, url: URL): Promise<WarehouseRequest> {
  const fields = new Map(url.searchParams)
  const inUrl = fields.get('query') ?? ''
  let query = inUrl
  let values: Readable | undefined
  if (request.method === 'POST') {
    const body = decoded(request)
    const type = request.headers['content-type'] ?? ''
    const boundary = /^multipart\/form-data;.*boundary="?([^";]+)"?/i.exec(type)?.[1]
    if (boundary) {
      for (const [name, value] of readMultipart(await readText(body), boundary)) fields.set(name, value)
      query = fields.get('query') ?? ''
    } else if (readStatement(inUrl).verb === 'INSERT') values = body
    else query = [inUrl, await readText(body)].filter((part) => part.trim() !== '').join('\n')
  }
  const settings: Record<string, string> = {}
  const params: Record<string, string> = {}
  for (const [name, value] of fields) {
    if (name.startsWith('param_')) params[name.slice('param_'.length)] = value
    else if (!RESERVED.has(name)) settings[name] = value
  }
  // As in ClickHouse: GET may be repeated by anyone on the way, so it may not write.
  if (request.method !== 'POST') settings.readonly = '2'
  const waits = fields.get('wait_end_of_query')
  return {
    query: query.trim().replace(/;\s*$/, ''),
    values,
    params,
    settings: settings,
    database: fields.get('database') || header(request, 'x-clickhouse-database'),
    query_id: fields.get('query_id') || undefined,
    default_format: fields.get('default_format') || header(request, 'x-clickhouse-format') || 'TabSeparated',
    waits_for_end: waits === undefined ? undefined : waits === '1' || waits === 'true',
    compresses: fields.get('enable_http_compression') === '1',
  }
}

/** The first value of a header. */
export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

function decoded(request: IncomingMessage): Readable {
  const encoding = header(request, 'content-encoding')?.toLowerCase() ?? 'identity'
  if (encoding === 'identity') return request
  const codecs: Record<string, () => NodeJS.ReadWriteStream> = { gzip: createGunzip, deflate: createInflate, br: createBrotliDecompress }
  const codec = codecs[encoding]
  if (!codec) throw new CallhouseError('bad_request', `Content-Encoding ${encoding} is not served. Use gzip, deflate, br or none.`)
  // Errors reach whoever reads the decoded side.
  return pipeline(request, codec(), () => undefined) as unknown as Readable
}

async function readText(body: Readable): Promise<string> {
  const read = await gatherBody(body)
  if ('bytes' in read) return read.bytes.toString('utf8')
  await read.remove()
  throw new CallhouseError(
    'bad_request',
    `The statement is longer than ${MEMORY_LIMIT_BYTES} bytes. Send INSERT's statement in the URL's \`query\` and its data as the body.`,
  )
}

/** The plain fields of a form; a part with a file name would be an external table. */
function readMultipart(text: string, boundary: string): [string, string][] {
  const fields: [string, string][] = []
  for (const part of text.split(`--${boundary}`).slice(1, -1)) {
    const head = part.indexOf('\r\n\r\n')
    const name = /name="([^"]+)"/.exec(part.slice(0, head))?.[1]
    if (head < 0 || name === undefined) throw new CallhouseError('bad_request', 'A part of the multipart body has no name.')
    if (/filename=/.test(part.slice(0, head))) throw new CallhouseError('bad_request', 'External tables are not served by the embedded warehouse.')
    fields.push([name, part.slice(head + 4, -2)])
  }
  return fields
}
