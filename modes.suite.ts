/** Runs a suite in both modes: embedded in this process, and on a real Postgres with the engine behind its HTTP interface. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { openStores, type Stores } from './app.ts'
import { normalizeConfig } from './config.ts'
import { postgresNeed } from './fixtures/servers/needs.ts'
import { newDatabase } from './sql/control.suite.ts'
import { serveWarehouse } from './sql/warehouse-server.ts'

/** `stores()` is for inside of tests and hooks. */
export function onBothModes(name: string, tests: (stores: () => Stores) => void): void {
  describe(`${name}, embedded`, () => {
    const data = mkdtempSync(join(tmpdir(), 'callhouse-embedded-'))
    let stores: Stores | undefined
    beforeAll(async () => void (stores = await openStores(normalizeConfig({ data }))))
    afterAll(async () => {
      await stores?.close()
      rmSync(data, { recursive: true, force: true })
    })
    tests(() => stores!)
  })

  const { url: server, missing } = postgresNeed()
  describe.skipIf(server === undefined)(`${name}, as services${server === undefined ? ` [${missing}]` : ''}`, () => {
    const data = mkdtempSync(join(tmpdir(), 'callhouse-services-'))
    const database = newDatabase(server ?? '')
    let engine: { url: string; close(): Promise<void> } | undefined
    let stores: Stores | undefined
    beforeAll(async () => {
      await database.create()
      engine = await serveWarehouse({ path: join(data, 'warehouse'), database: 'callhouse', port: 0, secret: 'a secret for this test' })
      const warehouse = { url: engine.url, password: 'a secret for this test' }
      stores = await openStores(normalizeConfig({ data, database_url: database.url, warehouse }))
    })
    afterAll(async () => {
      await stores?.close()
      await engine?.close()
      await database.drop()
      rmSync(data, { recursive: true, force: true })
    })
    tests(() => stores!)
  })
}
