/** Runs a test suite on both control planes: PGlite, and a real Postgres where there is one. Each gets a database of its own. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe } from 'vitest'
import { Client } from 'pg'
import { postgresNeed } from '../fixtures/servers/needs.ts'
import { openControl, type Control } from './control.ts'

/** `control()` is for inside of tests; `another()` opens the same database once more, as another process would (Postgres only). */
export interface SuiteControl {
  control(): Control
  another: (() => Promise<Control>) | undefined
}

/** Describes the same tests once for each control plane. */
export function onBothControls(name: string, tests: (suite: SuiteControl) => void): void {
  describe(`${name} on PGlite`, () => {
    let control: Control | undefined
    beforeAll(async () => void (control = await openControl({ path: ':memory:' })))
    afterAll(() => control?.close())
    tests({ control: () => opened(control), another: undefined })
  })

  const { url: server, missing } = postgresNeed()
  describe.skipIf(server === undefined)(`${name} on Postgres${server === undefined ? ` [${missing}]` : ''}`, () => {
    let control: Control | undefined
    const database = newDatabase(server ?? '')
    beforeAll(async () => {
      await database.create()
      control = await openControl({ url: database.url, path: '' })
    })
    afterAll(async () => {
      await control?.close()
      await database.drop()
    })
    tests({ control: () => opened(control), another: () => openControl({ url: database.url, path: '' }) })
  })
}

/** A database that does not exist yet, on the server at `server`. */
export function newDatabase(server: string): { url: string; create(): Promise<void>; drop(): Promise<void> } {
  const name = `callhouse_test_${randomBytes(6).toString('hex')}`
  const run = async (statement: string): Promise<void> => {
    const client = new Client({ connectionString: server })
    await client.connect()
    await client.query(statement).finally(() => client.end())
  }
  const url = server === '' ? '' : Object.assign(new URL(server), { pathname: `/${name}` }).href
  return { url, create: () => run(`create database ${name}`), drop: () => run(`drop database ${name} with (force)`) }
}

function opened(control: Control | undefined): Control {
  if (!control) throw new Error('The control plane is open only while its tests run.')
  return control
}
