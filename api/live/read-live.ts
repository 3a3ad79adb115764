/** Reads what is happening in a tenant's queues now, from the core tables. */
import { readFileSync } from 'node:fs'
import type { Warehouse } from '../../sql/warehouse.ts'
import type { LiveSnapshot } from '../context.ts'
import { readSettings } from '../read-settings.ts'
import { dayOf } from '../table-query.ts'

const queuesSql = readFileSync(new URL('queues.sql', import.meta.url), 'utf8')
const agentsSql = readFileSync(new URL('agents.sql', import.meta.url), 'utf8')
const DAY_MS = 86_400_000
/** Wallboards poll; within this time they share one answer. */
const SHARED_MS = 1_000

interface QueueRow {
  queue_id: string
  waiting: string
  longest_wait_ms: string
  as_of: string
}
interface AgentRow {
  state: string
  agents: string
  as_of: string
}

/** A reader of live snapshots; at most one query per tenant and second. */
export function liveReader(warehouse: Warehouse, now: () => number): (tenant_id: string) => Promise<LiveSnapshot> {
  const shared = new Map<string, { at_ms: number; snapshot: Promise<LiveSnapshot> }>()
  return (tenant_id) => {
    const at_ms = now()
    const known = shared.get(tenant_id)
    if (known && at_ms - known.at_ms < SHARED_MS) return known.snapshot
    const snapshot = readLive(warehouse, tenant_id, at_ms)
    shared.set(tenant_id, { at_ms, snapshot })
    // A failure is not worth sharing.
    snapshot.catch(() => shared.delete(tenant_id))
    return snapshot
  }
}

async function readLive(warehouse: Warehouse, tenant_id: string, now_ms: number): Promise<LiveSnapshot> {
  const query_params = { tenant_id, now_ms, since_ms: now_ms - DAY_MS, since_day: dayOf(now_ms - 2 * DAY_MS) }
  const read = async <T>(query: string): Promise<T[]> => {
    const result = await warehouse.query({ query, query_params, format: 'JSONEachRow', clickhouse_settings: readSettings })
    return await result.json<T>()
  }
  const queues = await read<QueueRow>(queuesSql)
  const agents = await read<AgentRow>(agentsSql)
  const times = [...queues, ...agents].map((row) => row.as_of).sort()
  return {
    as_of: times.at(-1) ?? null,
    queues: queues.map((row) => ({ queue_id: row.queue_id, waiting: Number(row.waiting), longest_wait_ms: Number(row.longest_wait_ms) })),
    agents: agents.map((row) => ({ state: row.state, agents: Number(row.agents) })),
  }
}
