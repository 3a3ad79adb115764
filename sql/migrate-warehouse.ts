/**
 * Brings the warehouse's schema up to the code's. Statements are rerunnable and
 * the ledger is written after each, so a crash between the two, or several
 * starters at once, run a statement twice and change nothing.
 */
import { CallhouseError } from '../errors.ts'
import { readSqlFiles, type SqlFile } from './read-sql.ts'
import type { Warehouse } from './warehouse.ts'

const LEDGER = `
CREATE TABLE IF NOT EXISTS schema_migrations
(
  id         UInt32,
  name       String,
  checksum   String,
  applied_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY id`

interface LedgerRow {
  id: number
  name: string
  checksum: string
}

/** Runs what has not been run yet, in order, and says what that was. */
export async function migrateWarehouse(warehouse: Warehouse, files?: SqlFile[]): Promise<{ applied: string[] }> {
  const known = files ?? (await readSqlFiles('warehouse'))
  await warehouse.command({ query: LEDGER })
  const done = await readLedger(warehouse)
  checkLedger(known, done)
  const applied: string[] = []
  for (const file of known) {
    if (done.has(file.id)) continue
    await run(warehouse, file)
    applied.push(file.name)
  }
  return { applied }
}

async function readLedger(warehouse: Warehouse): Promise<Map<number, LedgerRow>> {
  const result = await warehouse.query({ query: 'SELECT id, name, checksum FROM schema_migrations FINAL ORDER BY id', format: 'JSONEachRow' })
  const rows = await result.json<LedgerRow>()
  return new Map(rows.map((row) => [row.id, row]))
}

function checkLedger(known: SqlFile[], done: Map<number, LedgerRow>): void {
  const byId = new Map(known.map((file) => [file.id, file]))
  for (const row of done.values()) {
    const file = byId.get(row.id)
    if (!file) {
      throw new CallhouseError(
        'warehouse_newer',
        `The warehouse has the migration ${row.name}, which this version of Callhouse does not know: a newer one has migrated it. Update Callhouse, or restore the warehouse from before.`,
      )
    }
    if (file.checksum !== row.checksum) {
      throw new CallhouseError(
        'migration_changed',
        `The migration ${row.name} was applied to this warehouse and sql/warehouse/${file.name}.sql has changed since. Put the file back and make the change in a new one.`,
      )
    }
  }
}

async function run(warehouse: Warehouse, file: SqlFile): Promise<void> {
  try {
    await warehouse.command({ query: file.statement })
  } catch (error) {
    throw new CallhouseError('warehouse_query', `The migration ${file.name} failed: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
  await warehouse.insert({
    table: 'schema_migrations',
    columns: ['id', 'name', 'checksum', 'applied_at'],
    values: [[file.id, file.name, file.checksum, new Date().toISOString().slice(0, -1).replace('T', ' ')]],
    format: 'JSONCompactEachRow',
  })
}
