/**
 * Kysely on PGlite, Postgres as an npm package: the control plane of an
 * installation without a database server. The only file that loads PGlite.
 *
 * PGlite is one connection. Kysely takes it for a statement, or for a whole
 * transaction, and everyone else queues; so inside a transaction use the
 * transaction, never the database around it: that would wait for itself.
 */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { PGlite } from '@electric-sql/pglite'
import { CompiledQuery, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'
import type { DatabaseConnection, Dialect, Driver, Kysely, QueryResult, TransactionSettings } from 'kysely'
import { CallhouseError, messageOf } from '../errors.ts'
import { lockDirectory } from './directory-lock.ts'
import { wholeNumber } from './whole-number.ts'

/** Postgres' oid of int8. */
const INT8 = 20

export class PGliteDialect implements Dialect {
  readonly #path: string

  /** `path` is a directory of PGlite's own, or `:memory:`. */
  constructor(path: string) {
    this.#path = path
  }

  createDriver = (): Driver => new PGliteDriver(this.#path)
  createAdapter = (): PostgresAdapter => new PostgresAdapter()
  createQueryCompiler = (): PostgresQueryCompiler => new PostgresQueryCompiler()
  createIntrospector = <T>(db: Kysely<T>): PostgresIntrospector => new PostgresIntrospector(db)
}

class PGliteDriver implements Driver {
  readonly #path: string
  #open: { pglite: PGlite; connection: DatabaseConnection; unlock: () => void } | undefined
  /** Settles when the connection is free; each caller waits for the one before. */
  #free: Promise<void> = Promise.resolve()
  #release: () => void = () => undefined

  constructor(path: string) {
    this.#path = path
  }

  async init(): Promise<void> {
    const unlock = this.#path === ':memory:' ? () => undefined : lockDirectory(this.#path)
    try {
      const pglite = await startPGlite(this.#path)
      this.#open = { pglite, connection: new PGliteConnection(pglite), unlock }
    } catch (thrown) {
      unlock()
      throw thrown
    }
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#free
    let release: () => void = () => undefined
    this.#free = new Promise((resolve) => (release = resolve))
    await before
    this.#release = release
    if (this.#open) return this.#open.connection
    release()
    throw new CallhouseError('control_unavailable', 'The control plane is closed. Open it again with openControl.')
  }

  releaseConnection(): Promise<void> {
    this.#release()
    return Promise.resolve()
  }

  async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    const isolation = settings.isolationLevel ? ` isolation level ${settings.isolationLevel}` : ''
    await connection.executeQuery(CompiledQuery.raw(`begin${isolation}${settings.accessMode ? ` ${settings.accessMode}` : ''}`))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'))
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'))
  }

  async destroy(): Promise<void> {
    await this.#free
    const open = this.#open
    this.#open = undefined
    if (!open) return
    await open.pglite.close()
    open.unlock()
  }
}

class PGliteConnection implements DatabaseConnection {
  readonly #pglite: PGlite

  constructor(pglite: PGlite) {
    this.#pglite = pglite
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, affectedRows } = await this.#pglite.query<R>(query.sql, [...query.parameters])
    return { rows, numAffectedRows: BigInt(affectedRows ?? 0) }
  }

  /** PGlite has no cursors: one chunk with everything. */
  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    yield await this.executeQuery<R>(query)
  }
}

/**
 * 1.6 s for a new directory (initdb), 0.3 s for one that exists; loading the
 * module is 15 ms of both. PGlite never calls fsync, whatever its settings: a
 * killed process loses nothing, a power cut may lose the last writes.
 */
async function startPGlite(path: string): Promise<PGlite> {
  const { PGlite } = await loadPGlite()
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
  try {
    return await PGlite.create(path === ':memory:' ? 'memory://' : path, {
      initDbStartParams: ['--no-sync'],
      // The default of 128 MB is allocated whole; 8 MB holds all of a control plane (330 MB resident become 195 MB, no slower).
      startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=8MB'],
      parsers: { [INT8]: wholeNumber },
    })
  } catch (thrown) {
    const message = `The embedded control plane could not be opened in ${path}: ${messageOf(thrown)}. Check that the directory is writable and was not written by a newer version.`
    throw new CallhouseError('control_unavailable', message, { cause: thrown })
  }
}

async function loadPGlite(): Promise<typeof import('@electric-sql/pglite')> {
  try {
    return await import('@electric-sql/pglite')
  } catch (thrown) {
    const message =
      'The embedded control plane needs the package @electric-sql/pglite. Run "npm install @electric-sql/pglite", or set database_url to a Postgres.'
    throw new CallhouseError('dependency_missing', message, { cause: thrown })
  }
}
