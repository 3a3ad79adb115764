import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { entities, entityNames } from '../ingest/records/index.ts'
import { migrateWarehouse } from './migrate-warehouse.ts'
import { readSqlFiles, type SqlFile } from './read-sql.ts'
import { openWarehouse, type Warehouse } from './warehouse.ts'

describe('migrateWarehouse', () => {
  let path: string
  let warehouse: Warehouse
  let files: SqlFile[]
  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), 'callhouse-test-'))
    warehouse = await openWarehouse({ database: 'callhouse', path })
    files = await readSqlFiles('warehouse')
  })
  afterAll(async () => {
    await warehouse.close()
    await rm(path, { recursive: true, force: true })
  })
  const rows = async <T>(query: string): Promise<T[]> => await (await warehouse.query({ query, format: 'JSONEachRow' })).json<T>()

  test('twenty starters at once leave one complete schema', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => openWarehouse({ database: 'callhouse', path })))
    const results = await Promise.all(clients.map((client) => migrateWarehouse(client)))
    await Promise.all(clients.map((client) => client.close()))
    const applied = new Set(results.flatMap((result) => result.applied))
    expect([...applied].sort()).toEqual(files.map((file) => file.name))
    expect(await rows('SELECT id, name, checksum FROM schema_migrations FINAL ORDER BY id')).toEqual(
      files.map(({ id, name, checksum }) => ({ id, name, checksum })),
    )
    expect(await migrateWarehouse(warehouse)).toEqual({ applied: [] })
  }, 120_000)

  test('each statement can be run again', async () => {
    for (const file of files) await warehouse.command({ query: file.statement })
  }, 60_000)

  test('a crash between a statement and its ledger row is made good', async () => {
    const extra: SqlFile = {
      id: 9000,
      name: '9000_extra',
      statement: 'CREATE TABLE IF NOT EXISTS extra (a UInt8) ENGINE = MergeTree ORDER BY a',
      checksum: 'x',
    }
    await warehouse.command({ query: extra.statement })
    await warehouse.command({ query: 'INSERT INTO extra VALUES (1)' })
    expect(await migrateWarehouse(warehouse, [...files, extra])).toEqual({ applied: ['9000_extra'] })
    expect(await rows('SELECT a FROM extra')).toEqual([{ a: 1 }])
  })

  test('refuses a warehouse that a newer version has migrated', async () => {
    await expect(migrateWarehouse(warehouse)).rejects.toMatchObject({
      code: 'warehouse_newer',
      message: expect.stringContaining('9000_extra') as string,
    })
    await warehouse.command({ query: 'DELETE FROM schema_migrations WHERE id = 9000' })
    expect(await migrateWarehouse(warehouse)).toEqual({ applied: [] })
  })

  test('refuses a file that was changed after it was applied', async () => {
    const changed = files.map((file, at) => (at === 3 ? { ...file, checksum: 'other' } : file))
    await expect(migrateWarehouse(warehouse, changed)).rejects.toMatchObject({
      code: 'migration_changed',
      message: expect.stringContaining(files[3]!.name) as string,
    })
  })

  test('names the migration that fails', async () => {
    const wrong: SqlFile = { id: 9001, name: '9001_wrong', statement: 'CREATE TABLE wrong (a NoSuchType) ENGINE = Memory', checksum: 'y' }
    await expect(migrateWarehouse(warehouse, [...files, wrong])).rejects.toMatchObject({
      code: 'warehouse_query',
      message: expect.stringContaining('9001_wrong') as string,
    })
  })

  test.each(entityNames)('the table %s has the columns of its entity', async (name) => {
    const identity = ['tenant_id', 'source_id', 'native_id', 'anchor_day', 'version', 'observed_at', 'is_deleted']
    const columns = await rows<{ name: string; type: string }>(
      `SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = '${name}' ORDER BY position`,
    )
    expect(columns.slice(0, identity.length).map((column) => column.name)).toEqual(identity)
    expect(columns.at(-1)).toEqual({ name: 'payload', type: 'String' })
    expect(columns.slice(identity.length, -1)).toEqual(
      Object.entries(entities[name].fields).map(([field, { column }]) => ({ name: field, type: column })),
    )
  })
})
