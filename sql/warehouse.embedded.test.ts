/** The warehouse suite on the engine in this process. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openWarehouse } from './warehouse.ts'
import { describeWarehouse } from './warehouse.suite.ts'

describeWarehouse('embedded warehouse', async () => {
  const path = await mkdtemp(join(tmpdir(), 'callhouse-test-'))
  const warehouse = await openWarehouse({ database: 'callhouse', path })
  return {
    warehouse,
    async close() {
      await warehouse.close()
      await rm(path, { recursive: true, force: true })
    },
  }
})
