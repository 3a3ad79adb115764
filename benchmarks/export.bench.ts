/**
 * An Arrow export over HTTP beside the engine's own in-process ArrowStream of
 * the same rows, interleaved; then the memory of a fresh server from 100,000
 * rows to 1,000,000. The client is another process that throws the bytes away.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { exportSettings } from '../api/read-settings.ts'
import { tableQuery } from '../api/table-query.ts'
import { exportTables, findTable } from '../api/tables.ts'
import { openStores, type Stores } from '../app.ts'
import { normalizeConfig } from '../config.ts'
import { openLog } from '../log.ts'
import { listenApi } from '../serve-api.ts'
import { ensureTenant } from '../sql/tenants.ts'
import { startCallhouse } from './callhouse-process.ts'
import { BENCH_KEY } from './loaded-stores.ts'
import { median } from './machine.ts'

const ROUNDS = 5
const run = promisify(execFile)

export async function benchExport(): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), 'callhouse-bench-export-'))
  try {
    const { ours, engine } = await measureSpeed(data)
    const { small, large } = await measureMemory(data)
    const speed = (megabytes: number): string => `${Math.round(megabytes)} MB/s`
    console.log(`export    1,000,000 calls as Arrow, ${ROUNDS} rounds`)
    console.log(`  over HTTP               ${speed(median(ours))}`)
    console.log(`  in process              ${speed(median(engine))}`)
    console.log(`  ratio                   ${(median(ours) / median(engine)).toFixed(2)}   (goal 0.6)`)
    console.log(`  peak RSS of a server    ${small} MB after 100,000 rows, ${large} MB after 1,000,000   (goal: flat)`)
    console.log('  repeat with             npm run bench -- export\n')
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}

async function measureSpeed(data: string): Promise<{ ours: number[]; engine: number[] }> {
  const config = normalizeConfig({ data, api: { admin_key: BENCH_KEY, port: 0 } })
  const stores = await openStores(config)
  await fill(stores)
  const api = await listenApi(stores, config, openLog('silent'))
  const ours: number[] = []
  const engine: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await download(api.url, 'large'))
    engine.push(await inProcess(stores, 'large'))
  }
  await api.close()
  await stores.close()
  return { ours, engine }
}

async function fill(stores: Stores): Promise<void> {
  for (const [tenant_id, rows] of Object.entries({ small: 100_000, large: 1_000_000 })) {
    await ensureTenant(stores.control, tenant_id)
    await stores.warehouse.command({ query: readFileSync(join(import.meta.dirname, 'export-rows.sql'), 'utf8'), query_params: { tenant_id, rows } })
    await stores.warehouse.command({
      query: `INSERT INTO day_reach SELECT DISTINCT tenant_id, 'calls', anchor_day, toDate(started_at) FROM calls WHERE tenant_id = {tenant_id:String}`,
      query_params: { tenant_id },
    })
  }
}

/** Megabytes a second of a download by another process. */
async function download(url: string, tenant: string): Promise<number> {
  const started_ms = performance.now()
  const keys = ['-H', `Authorization: Bearer ${BENCH_KEY}`, '-H', `X-Callhouse-Tenant: ${tenant}`]
  const { stdout } = await run('curl', ['-sf', '-o', '/dev/null', '-w', '%{size_download}', ...keys, `${url}/v1/export/calls?format=arrow`])
  return Number(stdout) / (performance.now() - started_ms) / 1000
}

/** Megabytes a second of the engine alone: the same statement, materialised in this process. */
async function inProcess(stores: Stores, tenant_id: string): Promise<number> {
  const started_ms = performance.now()
  const { query, query_params } = tableQuery(findTable('calls', exportTables), { tenant_id, range: { from_ms: undefined, to_ms: undefined } })
  const result = await stores.warehouse.exec({ query: `${query} FORMAT ArrowStream`, query_params, clickhouse_settings: exportSettings })
  let bytes = 0
  for await (const chunk of result.stream) bytes += (chunk as Buffer).length
  return bytes / (performance.now() - started_ms) / 1000
}

async function measureMemory(data: string): Promise<{ small: number; large: number }> {
  const server = await startCallhouse(['api'], data)
  try {
    // The first dozen warm the engine's caches and pools up.
    for (let round = 0; round < 12; round++) await download(server.url, 'small')
    const small = server.peakMegabytes()
    for (let round = 0; round < 3; round++) await download(server.url, 'large')
    return { small, large: server.peakMegabytes() }
  } finally {
    await server.stop()
  }
}
