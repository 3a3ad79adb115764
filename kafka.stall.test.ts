/**
 * A member whose warehouse hangs for so long that it no longer asks for messages:
 * the group goes on without it, and it is let in again. What it held counts once.
 * On the mock cluster, where each change of members takes seconds: runs where
 * CI=true or CALLHOUSE_KAFKA=1.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openSource, openStores, sourceRun, type Stores } from './app.ts'
import { normalizeConfig } from './config.ts'
import { openMockCluster, type OutgoingMessage } from './fixtures/servers/kafka-cluster.ts'
import { kafkaIsWanted } from './fixtures/servers/kafka.ts'
import { runForever, type SourceRun } from './ingest/run-source.ts'
import { createKafkaSource } from './ingest/sources/kafka.ts'
import { openLog } from './log.ts'
import { loadCheckpoint } from './sql/checkpoints.ts'

const TOPIC = 'stall'
/** Less than a reader with a full batch waits before it asks again. */
const settings = { 'session.timeout.ms': 2_500, 'heartbeat.interval.ms': 250, 'max.poll.interval.ms': 2_500 }
const FIRST = 1_000

test('a member that is expelled while it waits for the warehouse comes back, and what it held counts once', { timeout: 120_000 }, async (context) => {
  if (kafkaIsWanted() !== true) return context.skip('takes 20 s; with CI=true or CALLHOUSE_KAFKA=1')
  const data = mkdtempSync(join(tmpdir(), 'callhouse-stall-'))
  const cluster = await openMockCluster()
  const stores = await openStores(normalizeConfig({ data }))
  try {
    const options = { brokers: cluster.brokers, topics: [TOPIC], group_id: TOPIC, settings }
    const config = normalizeConfig({ sources: [{ id: 'kafka', tenant: TOPIC, kind: 'kafka', ...options }] })
    const open = await openSource(stores, config.sources[0]!)
    const stop = new AbortController()
    const inputs = [0, 0]
    const member = (number: 0 | 1, more: Partial<SourceRun> = {}): Promise<void> => {
      const run = sourceRun(stores, open, openLog('silent'), stop.signal, (batch) => void (inputs[number]! += batch.inputs))
      const source = createKafkaSource({ ...options, batch_bytes: 40_000, linger_ms: 50 })
      return runForever({ ...run, source, ...more }, { pause_ms: () => 1 })
    }
    let sent = 0
    const send = async (count: number): Promise<void> => {
      await cluster.produce(
        TOPIC,
        Array.from({ length: count }, (_, n) => message(sent + n)),
      )
      sent += count
    }
    await send(FIRST)
    let release: () => void = () => undefined
    const released = new Promise<void>((resolve) => (release = resolve))
    let is_held = false
    // Its rows are in; that they are is not in the ledger.
    const first = member(0, { beforeCheckpoint: () => ((is_held = true), released) })
    await expect.poll(() => is_held, { timeout: 30_000 }).toBe(true)
    const second = member(1)
    // Also what the first one holds: it has lost its partitions.
    await expect.poll(() => inputs[1], { timeout: 40_000, interval: 100 }).toBe(FIRST)
    release()
    const before = inputs[0]!
    await expect
      .poll(() => send(20).then(() => inputs[0]), { timeout: 40_000, interval: 250 })
      // More than the batch it held.
      .toBeGreaterThan(before + 200)
    await expect.poll(() => ledger(stores), { timeout: 30_000 }).toBe(sent)
    stop.abort()
    await Promise.all([first, second])
    const result = await stores.warehouse.query({
      query: `SELECT toUInt32(count()) AS rows, toUInt32(uniqExact(native_id)) AS ids FROM call_events FINAL WHERE tenant_id = {tenant_id:String}`,
      query_params: { tenant_id: TOPIC },
      format: 'JSONEachRow',
    })
    expect(await result.json()).toEqual([{ rows: sent, ids: sent }])
  } finally {
    await stores.close()
    await cluster.stop()
    rmSync(data, { recursive: true, force: true })
  }
})

function message(n: number): OutgoingMessage {
  const record = { native_id: `event-${n}`, anchor_at: 0, version: 1, occurred_at: n, kind: 'note', attributes: 'x'.repeat(300) }
  return { key: `event-${n}`, value: JSON.stringify({ entity: 'call_events', record }) }
}

async function ledger({ control }: Stores): Promise<number> {
  const saved = await Promise.all(
    [0, 1, 2, 3].map((partition) => loadCheckpoint(control, { tenant_id: TOPIC, source_id: 'kafka', stream: `kafka/${TOPIC}/${partition}` })),
  )
  return saved.reduce<number>((sum, value) => sum + ((value as { next?: number } | undefined)?.next ?? 0), 0)
}
