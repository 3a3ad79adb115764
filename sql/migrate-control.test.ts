import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgresNeed } from '../fixtures/servers/needs.ts'
import { openControl } from './control.ts'
import { newDatabase, onBothControls } from './control.suite.ts'
import { controlMigrations, migrateControl } from './migrate-control.ts'

onBothControls('control migrations', ({ control }) => {
  test('a second start has nothing to do', async () => {
    expect(await migrateControl(control().db)).toEqual({ applied: [] })
  })

  test('a migration that fails leaves nothing behind', async () => {
    const up = async (db: Kysely<unknown>): Promise<void> => {
      await sql`create table half_made (a int)`.execute(db)
      await sql`select 1 / 0`.execute(db)
    }
    await expect(migrateControl(control().db, { ...controlMigrations, '9000_broken': { up } })).rejects.toThrow(/9000_broken.*division by zero/)
    const { rows } = await sql<{ table: string | null }>`select to_regclass('half_made')::text as "table"`.execute(control().db)
    expect(rows).toEqual([{ table: null }])
  })

  test('a database of a newer version is refused', async () => {
    await sql`insert into kysely_migration values ('9999_future', '2030-01-01T00:00:00.000Z')`.execute(control().db)
    await expect(migrateControl(control().db)).rejects.toMatchObject({
      code: 'control_newer',
      message: expect.stringContaining('9999_future') as string,
    })
  })
})

test('the list names every migration file, in order', () => {
  const files = readdirSync(new URL('control/', import.meta.url)).filter((file) => /^\d{4}_.*\.ts$/.test(file))
  expect(Object.keys(controlMigrations)).toEqual(files.sort().map((file) => file.slice(0, -3)))
})

const { url: server, missing } = postgresNeed()
describe.skipIf(server === undefined)(`concurrent starts on Postgres${server === undefined ? ` [${missing}]` : ''}`, () => {
  const database = newDatabase(server ?? '')
  beforeAll(() => database.create())
  afterAll(() => database.drop())

  test('twenty at once migrate an empty database once', async () => {
    const controls = await Promise.all(Array.from({ length: 20 }, () => openControl({ url: database.url, path: '' })))
    const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute((controls[0] ?? expect.fail('none')).db)
    await Promise.all(controls.map((control) => control.close()))
    expect(rows.map(({ name }) => name)).toEqual(Object.keys(controlMigrations))
  })
})

/** What each migration sends, as a hash. A line here is never changed: installations have taken that step already. Add a file and a line instead. */
const released: Record<string, string> = {
  '0001_tenants': 'b3bc874ebd499882',
  '0002_runs': '715ce2164c3b4e14',
  '0003_audit': '957aeb24e5d09821',
  '0004_coordination': '29835c7dcd37797a',
  '0005_pseudonym_keys': '1537655499acfff9',
  '0006_idempotency_keys': '42d3b5a3d32e513a',
}

test('no released migration has changed', async () => {
  const hashes: Record<string, string> = {}
  for (const [name, { up }] of Object.entries(controlMigrations)) {
    const hash = createHash('sha256')
    const dialect = {
      createDriver: () => new DummyDriver(),
      createAdapter: () => new PostgresAdapter(),
      createQueryCompiler: () => new PostgresQueryCompiler(),
      createIntrospector: (db: Kysely<unknown>) => new PostgresIntrospector(db),
    }
    const db = new Kysely<unknown>({ dialect, log: ({ query }) => void hash.update(`${query.sql.replace(/\s+/g, ' ')};`) })
    await up(db)
    hashes[name] = hash.digest('hex').slice(0, 16)
  }
  expect(hashes).toEqual(released)
})
