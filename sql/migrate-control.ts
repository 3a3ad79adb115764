/**
 * Brings a control plane to this version's tables. The list is explicit and
 * its files are never edited, so every installation took the same steps.
 */
import { Migrator, sql, type Kysely, type Migration } from 'kysely'
import { CallhouseError, messageOf } from '../errors.ts'
import * as tenants from './control/0001_tenants.ts'
import * as runs from './control/0002_runs.ts'
import * as audit from './control/0003_audit.ts'
import * as coordination from './control/0004_coordination.ts'
import * as pseudonymKeys from './control/0005_pseudonym_keys.ts'
import * as idempotencyKeys from './control/0006_idempotency_keys.ts'

export const controlMigrations: Readonly<Record<string, Migration>> = {
  '0001_tenants': tenants,
  '0002_runs': runs,
  '0003_audit': audit,
  '0004_coordination': coordination,
  '0005_pseudonym_keys': pseudonymKeys,
  '0006_idempotency_keys': idempotencyKeys,
}

/**
 * Applies what is missing and says what it was. Any number of processes may do
 * so at once: Kysely holds an advisory lock. Throws `control_newer` when the
 * database has a migration that this version does not know.
 */
export async function migrateControl<T>(
  db: Kysely<T>,
  migrations: Readonly<Record<string, Migration>> = controlMigrations,
): Promise<{ applied: string[] }> {
  // Kysely's migrator introspects four times before it looks; a process that starts on a current database should not wait for that.
  const before = await appliedMigrations(db)
  refuseNewer(before, migrations)
  if (Object.keys(migrations).every((name) => before.includes(name))) return { applied: [] }

  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve({ ...migrations }) } })
  const { error, results = [] } = await migrator.migrateToLatest()
  if (error !== undefined) {
    refuseNewer(await appliedMigrations(db), migrations)
    const failed = results.find(({ status }) => status === 'Error')
    throw new CallhouseError(
      'internal',
      `The control plane could not be migrated${failed ? ` (${failed.migrationName})` : ''}: ${messageOf(error)}`,
      { cause: error },
    )
  }
  return { applied: results.filter(({ status }) => status === 'Success').map(({ migrationName }) => migrationName) }
}

async function appliedMigrations<T>(db: Kysely<T>): Promise<string[]> {
  const ledger = await sql<{ present: boolean }>`select to_regclass('kysely_migration') is not null as present`.execute(db)
  if (!ledger.rows[0]?.present) return []
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
  return rows.map(({ name }) => name)
}

function refuseNewer(applied: readonly string[], known: Readonly<Record<string, Migration>>): void {
  const unknown = applied.filter((name) => !(name in known))
  if (unknown.length === 0) return
  throw new CallhouseError(
    'control_newer',
    `The control plane was migrated by a newer Callhouse (${unknown.join(', ')}). Run that version or a later one here, or restore the backup made before the upgrade.`,
  )
}
