/**
 * Two workers over one Postgres and one served warehouse, both pulling the same
 * source as they do while one takes over from the other, both killed again and
 * again: the warehouse ends exact. How many kills: see crash.test.ts.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { test } from 'vitest'
import { openStores } from './app.ts'
import { normalizeConfig } from './config.ts'
import { Random } from './fixtures/random.ts'
import { postgresNeed } from './fixtures/servers/needs.ts'
import {
  byChance,
  crashPoints,
  drillConfig,
  drillKills,
  drillSeed,
  expectExact,
  liveOnce,
  reportKills,
  startDrillCompany,
} from './fixtures/test-drill.ts'
import { serveWarehouse } from './sql/warehouse-server.ts'

const DAY_MS = 86_400_000

test('two workers killed at random times and at named points', async (context) => {
  const { url, missing } = postgresNeed()
  if (url === undefined) return context.skip(missing)
  const began = performance.now()
  const data = mkdtempSync(join(tmpdir(), 'callhouse-crash-'))
  const database_url = await freshDatabase(url)
  const server = await serveWarehouse({ path: join(data, 'served'), database: 'callhouse', port: 0, secret: 'for-the-drill' })
  const count = Math.ceil(drillKills / 2)
  const company = await startDrillCompany(drillSeed + 3, (2 * DAY_MS) / (count * 40))
  try {
    const shared = { data, database_url, warehouse: { url: server.url, password: 'for-the-drill' } }
    const config = drillConfig(company, shared)
    const working = crashPoints.filter((at) => at !== 'opened' && at !== 'declared')
    let left = count
    const worker = async (number: number): Promise<void> => {
      const random = new Random(drillSeed, 3, number)
      while (left-- > 0) await liveOnce(config, random.chance(0.25) ? { at: random.pick(working), nth: 1 } : byChance(random))
    }
    await Promise.all([worker(1), worker(2)])
    company.stopTheClock()
    await Promise.all([liveOnce(config, 'when drained'), liveOnce(config, 'when drained')])
    const stores = await openStores(normalizeConfig(shared))
    try {
      await expectExact(stores, company)
    } finally {
      await stores.close()
    }
    reportKills('two workers', count, began)
  } finally {
    await company.telco.close()
    await server.close()
    rmSync(data, { recursive: true, force: true })
  }
}, 3_600_000)

async function freshDatabase(url: string): Promise<string> {
  const name = `drill_${process.pid}`
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  const address = new URL(url)
  address.pathname = `/${name}`
  return address.href
}
