/** The warehouse suite over HTTP, on the engine that `serveWarehouse` serves. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openWarehouse } from './warehouse.ts'
import { serveWarehouse } from './warehouse-server.ts'
import { describeWarehouse } from './warehouse.suite.ts'

describeWarehouse('served warehouse', async () => {
  const path = await mkdtemp(join(tmpdir(), 'callhouse-test-'))
  const server = await serveWarehouse({ path, database: 'callhouse', port: 0, secret: 'for-the-test' })
  const warehouse = await openWarehouse({ url: server.url, password: 'for-the-test', database: 'callhouse', path })
  return {
    warehouse,
    async close() {
      await warehouse.close()
      await server.close()
      await rm(path, { recursive: true, force: true })
    },
  }
})
