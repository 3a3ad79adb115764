/** What the demo says once it has loaded: what is there, where, and three things to try. */
import type { Stores } from './app.ts'
import { DEMO_TENANT, type DemoState } from './demo-company.ts'
import type { PassTotals } from './ingest/run-source.ts'
import { count } from './progress.ts'

export interface Shown {
  totals: PassTotals
  took_ms: number
  /** An earlier start had loaded the history. */
  is_resumed: boolean
  api_url: string
  sql_url: string | undefined
  state: DemoState
  data: string
}

export async function demoSummary(stores: Stores, shown: Shown): Promise<string> {
  const { totals, took_ms, api_url, sql_url, state, data, is_resumed } = shown
  const held = await contents(stores)
  const key = state.api_key!
  const today = new Date().toISOString().slice(0, 10)
  const monthAgo = new Date(Date.now() - 30 * 86_400_000).toISOString().slice(0, 10)
  const range = `from=${monthAgo}&to=${today}`
  const parts = [
    `  ${is_resumed ? 'Resumed   with' : 'Loaded   '} ${count(totals.rows)} ${is_resumed ? 'new records' : 'records'} in ${(took_ms / 1000).toFixed(1)} s${totals.rejected > 0 ? `, ${count(totals.rejected)} kept as dead letters` : ''}`,
    `  Holding   ${count(held.calls)} calls, ${count(held.visits)} queue visits, ${count(held.messages)} messages since ${held.since}`,
    `  Stored    ${data}  (delete it to start over)`,
    `  API       ${api_url}  (reference at ${api_url}/docs)`,
    `  API key   ${key}`,
    '',
    'Live calls keep arriving. Try, in another terminal:',
    '',
    '  A report:',
    `    curl -s -H 'Authorization: Bearer ${key}' '${api_url}/v1/reports/queue_performance?${range}&tz=Europe/Berlin&grain=none'`,
    '',
    '  Every call as Arrow, in Python (pip install pyarrow pandas):',
    `    python3 -c "import pyarrow as pa, urllib.request as u; print(pa.ipc.open_stream(u.urlopen(u.Request('${api_url}/v1/export/calls?${range}&format=arrow', headers={'Authorization': 'Bearer ${key}'}))).read_pandas())"`,
  ]
  if (sql_url !== undefined)
    parts.push(
      '',
      '  SQL, on the engine itself:',
      `    curl -s -u 'default:${state.sql_secret}' '${sql_url}/?database=callhouse' --data "SELECT queue_id, sum(f.offered) AS offered, sum(f.answered) AS answered FROM fact_queues AS f GROUP BY queue_id ORDER BY offered DESC FORMAT PrettyCompact"`,
    )
  return `\nCallhouse is up.\n\n${parts.join('\n')}\n\nCtrl-C stops it; starting again resumes.\n`
}

async function contents(stores: Stores): Promise<{ calls: number; visits: number; messages: number; since: string }> {
  const result = await stores.warehouse.query({
    query: `SELECT
        (SELECT count() FROM calls FINAL WHERE tenant_id = {tenant_id:String}) AS calls,
        (SELECT count() FROM queue_visits FINAL WHERE tenant_id = {tenant_id:String}) AS visits,
        (SELECT count() FROM messages FINAL WHERE tenant_id = {tenant_id:String}) AS messages,
        (SELECT toString(toDate(min(started_at))) FROM calls FINAL WHERE tenant_id = {tenant_id:String}) AS since`,
    query_params: { tenant_id: DEMO_TENANT },
    format: 'JSONEachRow',
  })
  const [row] = await result.json<{ calls: string; visits: string; messages: string; since: string }>()
  return { calls: Number(row!.calls), visits: Number(row!.visits), messages: Number(row!.messages), since: row!.since }
}
