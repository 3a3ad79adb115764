/**
 * Gives @clickhouse/client the embedded engine instead of an HTTP connection,
 * so that no caller knows which of the two it has.
 */
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import type { createClient } from '@clickhouse/client'
import { CallhouseError } from '../errors.ts'
import { bytesOf, type EmbeddedEngine, type StatementOptions } from './embedded-engine.ts'
import { runInsert } from './embedded-insert.ts'
import { formatParam } from './query-params.ts'
import { acquireEngine } from './shared-engine.ts'
import { readStatement, type StatementShape } from './statement.ts'

/** The connection the client can be given. */
export type Connection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>['connection']>
type QueryParams = Parameters<Connection['query']>[0]
type InsertParams = Parameters<Connection['insert']>[0]
type ExecParams = Parameters<Connection['exec']>[0]
type InsertResult = Awaited<ReturnType<Connection['insert']>>
type ExecResult = Awaited<ReturnType<Connection['exec']>>
type Summary = NonNullable<InsertResult['summary']>

const SLICE_BYTES = 1024 * 1024

export class EmbeddedConnection implements Connection {
  readonly engine: EmbeddedEngine
  readonly database: string
  #release: () => Promise<void>
  #isClosed = false

  private constructor(engine: EmbeddedEngine, database: string, release: () => Promise<void>) {
    this.engine = engine
    this.database = database
    this.#release = release
  }

  static async open(path: string, database: string): Promise<EmbeddedConnection> {
    const { engine, release } = await acquireEngine(path, database)
    return new EmbeddedConnection(engine, database, release)
  }

  async query(params: QueryParams): ReturnType<Connection['query']> {
    const { stream, ...result } = await this.exec(params)
    return { ...result, stream }
  }

  async command(params: QueryParams): ReturnType<Connection['command']> {
    const { query_id, summary, response_headers, http_status_code } = await this.exec(params)
    return { query_id, summary, response_headers, http_status_code }
  }

  async exec(params: ExecParams): Promise<ExecResult> {
    const shape = this.checkStatement(params.query)
    if (shape.infile_at !== undefined || params.values !== undefined) {
      return { ...(await this.#insert(params, params.values, shape)), stream: readableOf(Buffer.alloc(0)) }
    }
    const result = await this.engine.run(params.query, this.statementOptions(params))
    const summary = summaryOf({ read_rows: result.rowsRead, read_bytes: result.bytesRead, elapsed: result.elapsed })
    return { ...base(params), summary, stream: readableOf(bytesOf(result)) }
  }

  async insert(params: InsertParams): Promise<InsertResult> {
    return await this.#insert(params, params.values, this.checkStatement(params.query))
  }

  async ping(): ReturnType<Connection['ping']> {
    try {
      this.#assertOpen()
      await this.engine.run('SELECT 1')
      return { success: true }
    } catch (error) {
      return { success: false, error: error as Error }
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#release()
  }

  /** The outline of a statement; throws when there are two, or a byte the engine would stop at. */
  checkStatement(sql: string): StatementShape {
    this.#assertOpen()
    const shape = readStatement(sql)
    if (shape.is_several)
      throw new CallhouseError('bad_request', 'The statement is followed by another one after a semicolon. Send one statement at a time.')
    if (sql.includes('\0')) throw new CallhouseError('bad_request', 'The statement has a zero byte in it. Pass such values as query parameters.')
    return shape
  }

  /** A request's settings and parameters as the engine takes them. */
  statementOptions(params: Pick<QueryParams, 'clickhouse_settings' | 'query_params' | 'abort_signal'>): StatementOptions {
    const settings = params.clickhouse_settings
    return {
      database: this.database,
      settings,
      params: Object.fromEntries(Object.entries(params.query_params ?? {}).map(([name, value]) => [name, formatParam(value)])),
      format: settings?.default_format,
      abort_signal: params.abort_signal,
    }
  }

  async #insert(params: QueryParams, values: InsertParams['values'] | undefined, shape: StatementShape): Promise<InsertResult> {
    const written = await runInsert(this.engine, params.query, shape, values, this.statementOptions(params))
    return { ...base(params), summary: summaryOf(written) }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new CallhouseError('warehouse_unavailable', 'The warehouse is closed. Open it again with openWarehouse.')
  }
}

function base(params: { query_id?: string }): { query_id: string; response_headers: Record<string, string>; http_status_code: number } {
  return { query_id: params.query_id ?? randomUUID(), response_headers: {}, http_status_code: 200 }
}

/** The numbers of X-ClickHouse-Summary, as strings like there. */
export function summaryOf(counts: {
  read_rows?: number
  read_bytes?: number
  written_rows?: number
  written_bytes?: number
  elapsed?: number
}): Summary {
  return {
    read_rows: String(counts.read_rows ?? 0),
    read_bytes: String(counts.read_bytes ?? 0),
    written_rows: String(counts.written_rows ?? 0),
    written_bytes: String(counts.written_bytes ?? 0),
    total_rows_to_read: '0',
    result_rows: String(counts.read_rows ?? 0),
    result_bytes: String(counts.read_bytes ?? 0),
    elapsed_ns: String(Math.round((counts.elapsed ?? 0) * 1e9)),
  }
}

/** A result's bytes as a stream, in slices a slow reader can take one by one. */
function readableOf(bytes: Buffer): Readable {
  let at = 0
  const stream = new Readable({
    read() {
      const end = Math.min(at + SLICE_BYTES, bytes.length)
      if (at < end) this.push(bytes.subarray(at, end))
      at = end
      if (at >= bytes.length) this.push(null)
    },
  })
  // Closing an unread ResultSet destroys its stream with an error nobody listens for.
  return stream.on('error', () => undefined)
}
