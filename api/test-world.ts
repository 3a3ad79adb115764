/**
 * Two tenants with records of every kind, on the real engines, for this
 * folder's tests. Every text of a tenant holds the tenant's name, so a row that
 * leaks can be seen in any answer.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { Loader } from '../ingest/loader.ts'
import type { CanonicalRecord, EntityName } from '../ingest/records/index.ts'
import { createKey } from '../sql/api-keys.ts'
import { openControl, type Control } from '../sql/control.ts'
import { migrateWarehouse } from '../sql/migrate-warehouse.ts'
import { ensureTenant } from '../sql/tenants.ts'
import { openWarehouse, type Warehouse } from '../sql/warehouse.ts'
import { controlGenerations } from '../transform/control-generations.ts'
import { loadModels } from '../transform/load-models.ts'
import { refreshFacts } from '../transform/refresh.ts'
import { warehouseFactStore } from '../transform/warehouse-fact-store.ts'
import { buildServer, type ServerOptions } from './server.ts'
import { warehouseRecordStore } from '../ingest/warehouse-record-store.ts'

/** The clock of the tests: noon of the last day that has records. */
export const NOW = Date.parse('2026-03-05T12:00:00Z')
const FIRST = Date.parse('2026-03-01T00:00:00Z')
const HOUR_MS = 3_600_000
export const ADMIN_KEY = 'the-admin-key-of-the-tests'
export const tenants = ['acme', 'globex'] as const
export type TenantId = (typeof tenants)[number]

export interface World {
  warehouse: Warehouse
  control: Control
  keys: Record<TenantId, string>
  server(options?: Partial<ServerOptions>): FastifyInstance
  load(tenant_id: TenantId, records: CanonicalRecord[]): Promise<void>
  close(): Promise<void>
}

/** Opens, migrates and fills both databases; close it at the end. */
export async function openWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'callhouse-api-'))
  const warehouse = await openWarehouse({ database: 'callhouse', path: join(folder, 'warehouse') })
  await migrateWarehouse(warehouse)
  const control = await openControl({ path: join(folder, 'control') })
  const keys = {} as Record<TenantId, string>
  const loader = new Loader(warehouseRecordStore(warehouse), { now: () => NOW })
  const load: World['load'] = async (tenant_id, records) => {
    const coverage = [...new Set(records.map(({ entity }) => entity))].map((entity: EntityName) => ({ entity, from_ms: FIRST, to_ms: NOW }))
    await loader.load(
      { stream: 'test', inputs: records.length, records, rejects: [], checkpoint: null, coverage },
      { tenant_id, source_id: `${tenant_id}-pbx` },
    )
  }
  for (const tenant_id of tenants) {
    await ensureTenant(control, tenant_id, {})
    keys[tenant_id] = (await createKey(control, { tenant_id, name: 'test', scopes: ['read'] })).key
    await load(tenant_id, recordsOf(tenant_id))
  }
  await refreshFacts({ facts: warehouseFactStore(warehouse), generations: controlGenerations(control), models: loadModels() })
  return {
    warehouse,
    control,
    keys,
    load,
    server: (options = {}) =>
      buildServer({
        warehouse,
        control,
        config: { adminKey: ADMIN_KEY, host: '127.0.0.1', port: 0 },
        version: '0.0.0',
        now: () => NOW,
        pseudonymKey: (tenant_id) => `key of ${tenant_id}`,
        logger: pino({ level: 'silent' }),
        ...options,
      }),
    close: async () => {
      await warehouse.close()
      await control.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** How many of each a tenant gets. */
export const COUNTS = { queue_visits: 100, calls: 60, recordings: 48 } as const

function recordsOf(tenant: TenantId): CanonicalRecord[] {
  const iso = (ms: number) => new Date(ms).toISOString()
  const records: CanonicalRecord[] = []
  const queue = (i: number) => `${tenant}-queue-${i % 3}`
  const agent = (i: number) => `${tenant}-agent-${i % 4}`
  const number = (i: number) => `+4930${tenant === 'acme' ? '1' : '2'}${String(100_000 + i)}`
  for (let i = 0; i < COUNTS.queue_visits; i++) {
    const entered = i < 96 ? FIRST + i * HOUR_MS : NOW - (100 - i) * 60_000
    const outcome = i >= 96 ? 'waiting' : i % 4 === 3 ? 'abandoned' : 'answered'
    const wait_ms = 1000 + ((i * 7919) % 60_000)
    const answered = outcome === 'answered'
    records.push({
      entity: 'queue_visits',
      record: {
        native_id: `${tenant}-visit-${i}`,
        anchor_at: entered,
        version: 1,
        call_id: `${tenant}-call-${i}`,
        queue_id: queue(i),
        caller_number: number(i % 17),
        entered_at: entered,
        answered_at: answered ? entered + wait_ms : null,
        exited_at: outcome === 'waiting' ? null : entered + wait_ms + (answered ? 120_000 : 0),
        outcome,
        wait_ms: outcome === 'waiting' ? 0 : wait_ms,
        talk_ms: answered ? 120_000 : 0,
        agent_id: answered ? agent(i) : '',
      },
    })
  }
  for (let i = 0; i < COUNTS.calls; i++) {
    const started_at = iso(FIRST + i * HOUR_MS)
    records.push({
      entity: 'calls',
      record: {
        native_id: `${tenant}-call-${i}`,
        anchor_at: started_at,
        version: 1,
        direction: 'inbound',
        from_number: number(i % 17),
        to_number: number(99),
        started_at,
        disposition: 'answered',
        trunk_id: `${tenant}-trunk`,
        cost: `0.${String(i).padStart(6, '0')}`,
        currency: 'EUR',
      },
    })
  }
  for (let i = 0; i < COUNTS.recordings; i++)
    records.push(...recordingOf(tenant, i, { started: FIRST + i * HOUR_MS, queue_id: queue(i), agent_id: agent(i), customer: number(i % 17) }))
  for (let i = 0; i < 4; i++) {
    records.push({ entity: 'users', record: { native_id: agent(i), version: 1, user_id: agent(i), name: `${tenant} person ${i}`, is_agent: true } })
    records.push(
      stateOf(tenant, i, 0, NOW - 2 * HOUR_MS, i === 3 ? NOW - HOUR_MS : NOW - HOUR_MS),
      ...(i === 3 ? [] : [stateOf(tenant, i, 1, NOW - HOUR_MS, null)]),
    )
  }
  for (let i = 0; i < 3; i++)
    records.push({ entity: 'queues', record: { native_id: queue(i), version: 1, queue_id: queue(i), name: `${tenant} queue ${i}` } })
  return records
}

function stateOf(tenant: TenantId, i: number, n: number, started_at: number, ended_at: number | null): CanonicalRecord {
  return {
    entity: 'agent_states',
    record: {
      native_id: `${tenant}-state-${i}-${n}`,
      anchor_at: started_at,
      version: 1,
      agent_id: `${tenant}-agent-${i}`,
      state: n === 0 ? 'available' : 'talking',
      started_at,
      ended_at,
      last_seen_at: NOW,
    },
  }
}

function recordingOf(tenant: TenantId, i: number, of: { started: number; queue_id: string; agent_id: string; customer: string }): CanonicalRecord[] {
  const recording_id = `${tenant}-recording-${i}`
  const common = { version: 1, recording_id, call_id: `${tenant}-call-${i}` }
  const recording: CanonicalRecord = {
    entity: 'recordings',
    record: {
      native_id: recording_id,
      anchor_at: of.started,
      version: 1,
      call_id: `${tenant}-call-${i}`,
      queue_id: of.queue_id,
      agent_id: of.agent_id,
      customer_number: of.customer,
      started_at: of.started,
      duration_ms: 61_500 + i,
      channels: 1 + (i % 2),
      sample_rate_hz: 8000,
      codec: 'pcm_s16le',
      uri: `https://user:secret@${tenant}.example/recordings/${i}.wav?signature=abc`,
      bytes: 1000 + i,
      sha256: String(i).padStart(64, '0'),
      status: i % 12 === 11 ? 'processing' : 'completed',
      consent_basis: 'announcement',
      consent_scope: i % 2 === 0 ? 'training' : 'quality',
      delete_at: i === 5 ? NOW - 1 : null,
    },
  }
  const made = of.started + HOUR_MS
  return [
    recording,
    {
      entity: 'transcripts',
      record: {
        ...common,
        native_id: `${recording_id}-t`,
        anchor_at: made,
        created_at: made,
        language: 'en',
        engine: 'e',
        text: `${tenant} said\u2028line ${i}`,
      },
    },
    {
      entity: 'transcripts',
      record: {
        ...common,
        native_id: `${recording_id}-t0`,
        anchor_at: made - 1000,
        created_at: made - 1000,
        language: 'en',
        engine: 'e',
        text: 'an older transcript',
      },
    },
    ...(i % 3 === 0
      ? [
          {
            entity: 'sentiment',
            record: {
              ...common,
              native_id: `${recording_id}-s`,
              anchor_at: made,
              created_at: made,
              scope: 'call',
              label: 'positive',
              score: 0.5,
              model: 'm@1',
            },
          } as CanonicalRecord,
        ]
      : []),
    {
      entity: 'sentiment',
      record: {
        ...common,
        native_id: `${recording_id}-turn`,
        anchor_at: made,
        created_at: made + 1,
        scope: 'turn',
        turn_seq: 1,
        label: 'negative',
        score: -1,
        model: 'm@1',
      },
    },
  ]
}
