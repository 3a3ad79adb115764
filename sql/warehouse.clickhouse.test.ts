/** The warehouse suite on a real ClickHouse server, when the environment names one. */
import { randomUUID } from 'node:crypto'
import { test } from 'vitest'
import { openWarehouse } from './warehouse.ts'
import { describeWarehouse } from './warehouse.suite.ts'

const address = process.env.CALLHOUSE_TEST_CLICKHOUSE_URL

if (address === undefined) {
  test.skip('NOT RUN: the warehouse suite on a ClickHouse server (set CALLHOUSE_TEST_CLICKHOUSE_URL=http://user:password@host:8123)', () => undefined)
} else {
  describeWarehouse('ClickHouse server', async () => {
    const { origin, username, password } = new URL(address)
    const config = { url: origin, username: decodeURIComponent(username), password: decodeURIComponent(password), path: '' }
    const database = `callhouse_test_${randomUUID().replaceAll('-', '')}`
    const warehouse = await openWarehouse({ ...config, database })
    return {
      warehouse,
      async close() {
        await warehouse.command({ query: 'DROP DATABASE {database:Identifier}', query_params: { database } })
        await warehouse.close()
      },
    }
  })
}
