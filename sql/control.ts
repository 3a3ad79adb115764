/**
 * The control plane: tenants, keys, sources, checkpoints, runs and the audit
 * log. Postgres where a url is given, otherwise PGlite in a directory; Kysely
 * speaks the same SQL to both, so nothing that uses it knows which it has.
 */
import { Kysely, PostgresDialect } from 'kysely'
import { Pool, types } from 'pg'
import { CallhouseError, messageOf } from '../errors.ts'
import type { ControlTables } from './control-tables.ts'
import { migrateControl } from './migrate-control.ts'
import { PGliteDialect } from './pglite-dialect.ts'
import { wholeNumber } from './whole-number.ts'

export interface Control {
  db: Kysely<ControlTables>
  close(): Promise<void>
}

export interface ControlConfig {
  /** Postgres, as postgres://user:password@host:port/database. */
  url?: string | undefined
  /** PGlite's directory when there is no url; `:memory:` keeps nothing. */
  path: string
}

/**
 * Opens the control plane and brings its tables up to date.
 *
 * @example const control = await openControl({ path: 'data/control' })
 */
export async function openControl(config: ControlConfig): Promise<Control> {
  const db = new Kysely<ControlTables>({ dialect: config.url === undefined ? new PGliteDialect(config.path) : postgresDialect(config.url) })
  try {
    await migrateControl(db)
  } catch (thrown) {
    await db.destroy().catch(() => undefined)
    if (config.url === undefined || thrown instanceof CallhouseError) throw thrown
    throw unreachable(config.url, thrown)
  }
  return { db, close: () => db.destroy() }
}

function postgresDialect(url: string): PostgresDialect {
  // Checked here because the driver's own error for a bad address carries the address, password and all.
  if (!URL.canParse(url))
    throw new CallhouseError(
      'config_invalid',
      'database_url is not an address. Write postgres://user:password@host:5432/database, with special characters of the password as %XX.',
    )
  const pool = new Pool({ connectionString: url, max: 10, connectionTimeoutMillis: 10_000, application_name: 'callhouse', types: { getTypeParser } })
  // A server that drops an idle connection is no reason to end the process; the next query opens another, or says why not.
  pool.on('error', () => undefined)
  // The pool listens to idle connections only; one that breaks between two statements of a transaction would end the process too.
  pool.on('connect', (client) => void client.on('error', () => undefined))
  return new PostgresDialect({ pool })
}

const INT8: number = types.builtins.INT8

const getTypeParser: typeof types.getTypeParser = (oid: number, format?: unknown) =>
  oid === INT8 ? wholeNumber : (types.getTypeParser as (oid: number, format?: unknown) => never)(oid, format)

/** Says where the database should have been; never with which password. */
function unreachable(url: string, thrown: unknown): CallhouseError {
  const address = new URL(url)
  const host = address.searchParams.get('host') ?? (address.hostname || 'localhost')
  const port = address.searchParams.get('port') ?? (address.port || '5432')
  // A refused connection to a name with several addresses is an AggregateError without a message.
  const reason = messageOf(thrown) || (thrown as NodeJS.ErrnoException).code || 'no answer'
  return new CallhouseError(
    'control_unavailable',
    `The control plane's Postgres at ${host}:${port} cannot be used: ${reason}. Check database_url, and that the server runs and lets this user in.`,
    {
      cause: thrown,
    },
  )
}
