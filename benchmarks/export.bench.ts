/**
 * An Arrow export over HTTP beside the engine's own in-process ArrowStream of
 * the same rows, interleaved; and the server's memory from 100,000 rows to
 * 1,000,000. The client is another process that throws the bytes away.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openStores } from '../app.ts'
import { normalizeConfig } from '../config.ts'
import { openLog } from '../log.ts'
import { listenApi } from '../serve-api.ts'
import { ensureTenant } from '../sql/tenants.ts'
import { BENCH_KEY } from './loaded-stores.ts'
import { median } from './machine.ts'

const ROUNDS = 5
const run = promisify(execFile)

export async function benchExport(): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), 'callhouse-bench-export-'))
  const config = normalizeConfig({ data, api: { admin_key: BENCH_KEY, port: 0 } })
  const stores = await openStores(config)
  const api = await listenApi(stores, config, openLog('silent'))
  try {
    for (const [tenant_id, rows] of [
      ['small', 100_000],
      ['large', 1_000_000],
    ] as const) {
      await ensureTenant(stores.control, tenant_id)
      await stores.warehouse.command({
        query: readFileSync(join(import.meta.dirname, 'export-rows.sql'), 'utf8'),
        query_params: { tenant_id, rows },
      })
    }
    const download = async (tenant: string): Promise<{ bytes: number; ms: number }> => {
      const started_ms = performance.now()
      const url = `${api.url}/v1/export/calls?format=arrow&from=2026-01-01&to=2027-01-01`
      const { stdout } = await run('curl', [
        '-sf',
        '-o',
        '/dev/null',
        '-w',
        '%{size_download}',
        '-H',
        `Authorization: Bearer ${BENCH_KEY}`,
        '-H',
        `X-Callhouse-Tenant: ${tenant}`,
        url,
      ])
      return { bytes: Number(stdout), ms: performance.now() - started_ms }
    }
    const inProcess = async (tenant_id: string): Promise<{ bytes: number; ms: number }> => {
      const started_ms = performance.now()
      const result = await stores.warehouse.exec({
        query:
          'SELECT * EXCEPT (payload, version, is_deleted) FROM calls FINAL WHERE tenant_id = {tenant_id:String} ORDER BY tenant_id, anchor_day, source_id, native_id FORMAT ArrowStream',
        query_params: { tenant_id },
        clickhouse_settings: { output_format_arrow_compression_method: 'none' },
      })
      let bytes = 0
      for await (const chunk of result.stream) bytes += (chunk as Buffer).length
      return { bytes, ms: performance.now() - started_ms }
    }
    await download('small')
    const small_rss = await settledRss()
    const ours: number[] = []
    const engine: number[] = []
    const rss: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const a = await download('large')
      rss.push(process.memoryUsage().rss)
      const b = await inProcess('large')
      ours.push(a.bytes / a.ms / 1000)
      engine.push(b.bytes / b.ms / 1000)
    }
    const mb = (n: number): string => `${Math.round(n)} MB/s`
    console.log(`export    1,000,000 calls as Arrow, ${ROUNDS} rounds`)
    console.log(`  over HTTP               ${mb(median(ours))}`)
    console.log(`  in process              ${mb(median(engine))}`)
    console.log(`  ratio                   ${(median(ours) / median(engine)).toFixed(2)}   (goal 0.6)`)
    console.log(`  RSS after 100,000 rows  ${Math.round(small_rss / 2 ** 20)} MB, after 1,000,000 ${Math.round(rss[0]! / 2 ** 20)} MB`)
    console.log('  repeat with             npm run bench -- export\n')
  } finally {
    await api.close()
    await stores.close()
    rmSync(data, { recursive: true, force: true })
  }
}

async function settledRss(): Promise<number> {
  await new Promise((resolve) => setImmediate(resolve))
  return process.memoryUsage().rss
}
