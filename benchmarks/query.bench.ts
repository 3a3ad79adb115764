/**
 * A month by queue and half-hour through `/v1/query`, beside the same SQL run
 * directly on the engine: interleaved, so that noise hits both alike.
 */
import { queryForJson } from '../transform/run-query.ts'
import { startHttpClient } from './http-client.ts'
import { loadStores, BENCH_KEY, TENANT } from './loaded-stores.ts'
import { median, quantile } from './machine.ts'

const ROUNDS = 200
const metrics = ['offered', 'answered', 'abandoned', 'service_level', 'asa_ms']

export async function benchQuery(): Promise<void> {
  const { stores, url, close } = await loadStores()
  const client = startHttpClient()
  try {
    const day = (back: number): string => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10)
    const request = { from: day(31), to: day(1), tz: 'Europe/Berlin', grain: '30m' as const }
    const { sql, params } = queryForJson({ tenant_id: TENANT, metrics, dimensions: ['queue'], filters: [], ...request })
    const search = new URLSearchParams({ ...request, metrics: metrics.join(','), dimensions: 'queue' })
    const through: number[] = []
    const direct: number[] = []
    let rows = 0
    for (let round = -20; round < ROUNDS; round++) {
      const answer = await client.get(`${url}/v1/query?${search.toString()}`, { authorization: `Bearer ${BENCH_KEY}`, 'x-callhouse-tenant': TENANT })
      const started_ms = performance.now()
      await (await stores.warehouse.query({ query: sql, query_params: params, format: 'JSONEachRow' })).text()
      const ms = performance.now() - started_ms
      if (round < 0) {
        rows = (JSON.parse(answer.body) as { rows: unknown[] }).rows.length
        continue
      }
      through.push(answer.ms)
      direct.push(ms)
    }
    const ms = (n: number): string => `${n.toFixed(1)} ms`
    console.log(`query     a month by queue and half-hour, ${metrics.length} metrics, ${rows} rows, ${ROUNDS} rounds, seed 1`)
    console.log(`  /v1/query               p50 ${ms(median(through))}, p95 ${ms(quantile(through, 0.95))}   (goal p95 50 ms)`)
    console.log(`  the same SQL directly   p50 ${ms(median(direct))}, p95 ${ms(quantile(direct, 0.95))}`)
    console.log(
      `  ratio                   p50 ${(median(through) / median(direct)).toFixed(2)}, p95 ${(quantile(through, 0.95) / quantile(direct, 0.95)).toFixed(2)}   (goal 1.3)`,
    )
    console.log('  repeat with             npm run bench -- query\n')
  } finally {
    await client.close()
    await close()
  }
}
