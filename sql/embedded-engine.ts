/**
 * The embedded ClickHouse (chDB): the only file that loads it. One engine per
 * process and data directory; every statement gets a connection of its own.
 *
 * Why a connection per statement: after a failed query chDB 3.4 returns the
 * failed query's partial rows as the next result of the same connection.
 * Opening and closing one takes under 0.1 ms.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parseError, type ClickHouseSettings } from '@clickhouse/client'
import type { ChdbResult, RawInsertFormat, RawInsertSummary, Session } from 'chdb'
import { CallhouseError, messageOf } from '../errors.ts'
import { explainRefusal } from './engine-lock.ts'
import { limitConcurrency, type Limit } from './limit-concurrency.ts'
import { checkIdentifier, quote, sessionPrelude, warehouseDefaults } from './warehouse-settings.ts'

export type { RawInsertFormat }

type Chdb = typeof import('chdb')

/** What a statement runs with. */
export interface StatementOptions {
  database?: string | undefined
  settings?: ClickHouseSettings | undefined
  /** Query parameters, already as text (see formatParam). */
  params?: Record<string, string> | undefined
  /** The output format when the statement names none. */
  format?: string | undefined
  abort_signal?: AbortSignal | undefined
}

/** Engine calls run on Node's four worker threads; one stays free for files, DNS and zlib. */
const AT_ONCE = 3
/** A report need not wait for inserts, however many sources deliver at full speed. */
const WRITES_AT_ONCE = 2
/** Into a function is how an export reaches its file; that is a read. */
const WRITING = /^\s*(INSERT(?!\s+INTO\s+FUNCTION)|DELETE|OPTIMIZE|ALTER)\b/i

/** 64 MB, because query parameters reach the engine inside a SET statement. */
const engineArgs = ['--max_query_size=67108864', ...Object.entries(warehouseDefaults).map(([name, value]) => `--${name}=${String(value)}`)]

export class EmbeddedEngine {
  readonly path: string
  readonly database: string
  /** For data on its way in or out: it may be personal, so it stays where the rest is, and goes when the engine is opened. */
  readonly temporary: string
  #chdb: Chdb
  #keeper: Session
  #closeNative: ((connection: unknown) => void) | undefined
  #turn: Limit
  #write: Limit

  private constructor(chdb: Chdb, path: string, database: string) {
    this.path = path
    this.temporary = join(path, 'callhouse-tmp')
    this.database = checkIdentifier(database, 'database name')
    this.#chdb = chdb
    this.#closeNative = nativeClose()
    this.#turn = limitConcurrency(AT_ONCE)
    this.#write = limitConcurrency(WRITES_AT_ONCE)
    try {
      this.#keeper = new chdb.Session(path, { connectionArgs: engineArgs })
    } catch (error) {
      throw explainRefusal(path, error)
    }
  }

  /** Opens the directory, holds it, and creates the database when it is missing. */
  static async open(path: string, database: string): Promise<EmbeddedEngine> {
    const chdb = await loadChdb()
    await mkdir(path, { recursive: true })
    await chdb.drainPending()
    const engine = new EmbeddedEngine(chdb, path, database)
    try {
      await rm(engine.temporary, { recursive: true, force: true })
      await mkdir(engine.temporary, { mode: 0o700 })
      await engine.createDatabase(database)
    } catch (error) {
      await engine.close()
      throw error
    }
    return engine
  }

  /** The engine's default database kind has no refreshable views, so the kind is named. */
  async createDatabase(database: string): Promise<void> {
    const name = checkIdentifier(database, 'database name')
    await this.run(`CREATE DATABASE IF NOT EXISTS ${name} ENGINE = Atomic`, { database: 'default' })
  }

  /** Runs one statement; the whole result is in memory. */
  async run(sql: string, options: StatementOptions = {}): Promise<ChdbResult> {
    const run = () => this.#inSession(options, (session) => session.queryAsync(sql, { format: options.format ?? 'TabSeparated' }))
    return WRITING.test(sql) ? await this.#write(run) : await run()
  }

  /** Inserts bytes as they are; the engine parses them beside the event loop. */
  async insertBytes(
    target: { table: string; columns: string[] | undefined; format: RawInsertFormat },
    bytes: Buffer,
    options: StatementOptions = {},
  ): Promise<RawInsertSummary> {
    const { table, columns, format } = target
    return await this.#write(() =>
      this.#inSession(options, (session) => session.insert({ table, format, values: bytes, ...(columns && { columns }) })),
    )
  }

  /**
   * Runs one SELECT and gives its blocks as they come, at the consumer's pace.
   * Starting it plans the query on the event loop, sub-selects included: measured
   * 290 ms for one that sums 300 million numbers. So this is for exports, and
   * `run` for everything else.
   */
  async *stream(sql: string, options: StatementOptions & { format: string }): AsyncGenerator<Buffer> {
    const tag = randomUUID()
    const session = await this.#turn(() => this.#open(options, tag))
    const stopWatching = this.#killOnAbort(options.abort_signal, tag)
    try {
      const chunks = session.queryStream(sql, { format: options.format })[Symbol.asyncIterator]()
      try {
        for (;;) {
          // A turn per block: a slow reader must not keep other statements waiting.
          const next = await this.#turn(() => chunks.next())
          if (options.abort_signal?.aborted) throw abortError()
          if (next.done) return
          const block = next.value
          yield bytesOf({ bytes: () => block.raw() })
        }
      } finally {
        await chunks.return?.()
      }
    } catch (error) {
      throw options.abort_signal?.aborted ? abortError() : toClickHouseError(error)
    } finally {
      stopWatching()
      this.#release(session)
    }
  }

  async close(): Promise<void> {
    await this.#write.idle()
    await this.#turn.idle()
    this.#keeper.close()
    await this.#chdb.drainPending()
  }

  async #inSession<T>(options: StatementOptions, work: (session: Session) => Promise<T>): Promise<T> {
    const signal = options.abort_signal
    if (signal?.aborted) throw abortError()
    const tag = randomUUID()
    const done = this.#turn(async () => {
      if (signal?.aborted) throw abortError()
      const session = await this.#open(options, tag)
      try {
        return await work(session)
      } catch (error) {
        throw toClickHouseError(error)
      } finally {
        this.#release(session)
      }
    })
    if (!signal) return await done
    const stopWatching = this.#killOnAbort(signal, tag)
    try {
      return await rejectOnAbort(done, signal)
    } finally {
      done.then(stopWatching, stopWatching)
    }
  }

  async #open(options: StatementOptions, tag: string): Promise<Session> {
    const settings = { ...options.settings }
    // The engine lets nobody choose a query id, so a statement that may be killed is found by its
    // comment. One with a comment of its own keeps it, and runs on after its caller has gone.
    if (options.abort_signal && !settings.log_comment) settings.log_comment = tag
    const prelude = sessionPrelude(options.database ?? this.database, settings, options.params)
    const session = new this.#chdb.Session(this.path, { connectionArgs: engineArgs })
    try {
      await session.queryAsync(prelude)
      return session
    } catch (error) {
      this.#release(session)
      throw toClickHouseError(error)
    }
  }

  /**
   * `Session.close` waits for every running statement of the process: beside one
   * of 16 s it kept 5,500 finished connections and 1.4 GB alive. Ours has
   * nothing running on it, so it is closed at once.
   */
  #release(session: Session): void {
    if (this.#closeNative) {
      const connection = session.connection
      session.connection = null
      if (connection) this.#closeNative(connection)
    }
    session.close()
  }

  /** Stops a statement whose caller has gone; it may not have begun when the signal fires, so it is tried again. */
  #killOnAbort(signal: AbortSignal | undefined, tag: string): () => void {
    let watching = true
    let timer: NodeJS.Timeout | undefined
    const kill = (): void => {
      if (!watching) return
      const session = new this.#chdb.Session(this.path, { connectionArgs: engineArgs })
      const statement = `KILL QUERY WHERE Settings['log_comment'] = ${quote(tag)} ASYNC`
      const finished = (): void => {
        this.#release(session)
        if (watching) timer = setTimeout(kill, 50)
      }
      session.queryAsync(statement).then(finished, finished)
    }
    signal?.addEventListener('abort', kill, { once: true })
    return () => {
      watching = false
      clearTimeout(timer)
      signal?.removeEventListener('abort', kill)
    }
  }
}

/** A result's bytes, not copied. */
export function bytesOf(result: Pick<ChdbResult, 'bytes'>): Buffer {
  const bytes = result.bytes()
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The error every ClickHouse client throws, made from the engine's text. */
export function toClickHouseError(thrown: unknown): Error {
  if (thrown instanceof CallhouseError) return thrown
  const error = parseError(messageOf(thrown))
  return Object.assign(error, { cause: thrown })
}

function abortError(): Error {
  return new Error('The user aborted a request.')
}

async function rejectOnAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return await new Promise<T>((settle, reject) => {
    const onAbort = (): void => {
      reject(abortError())
    }
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(settle, reject).finally(() => {
      signal.removeEventListener('abort', onAbort)
    })
  })
}

async function loadChdb(): Promise<Chdb> {
  try {
    return await import('chdb')
  } catch (error) {
    throw new CallhouseError(
      'dependency_missing',
      `The embedded warehouse needs the package chdb, which could not be loaded. Run \`npm install chdb\`, or set warehouse.url to a ClickHouse server.`,
      { cause: error },
    )
  }
}

/** The addon's own close; in a release that is laid out differently, `Session.close` does it later. */
function nativeClose(): ((connection: unknown) => void) | undefined {
  try {
    const require = createRequire(import.meta.url)
    const loader = require(join(dirname(require.resolve('chdb')), 'dist', 'loader.js')) as {
      loadNative(): { CloseConnection(connection: unknown): void }
    }
    const native = loader.loadNative()
    return (connection) => {
      native.CloseConnection(connection)
    }
  } catch {
    return undefined
  }
}
