/**
 * Malformed messages in every partition of a topic, through the real consumer on
 * librdkafka's mock cluster: no partition stops, every message is stored or
 * dead-lettered. 300 in an ordinary run, 2,000 with CI=true; FUZZ_SEED=n.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { canonicalMessage } from './fixtures/fuzz/json-inputs.ts'
import { expectRows, lettersOf } from './fixtures/fuzz/test-accounts.ts'
import { fuzzSeed, fuzzSize } from './fixtures/fuzz/test-size.ts'
import { Random } from './fixtures/random.ts'
import { openMockCluster, type KafkaCluster } from './fixtures/servers/kafka-cluster.ts'
import { controlSourceState } from './ingest/control-source-state.ts'
import { Loader } from './ingest/loader.ts'
import { runPass } from './ingest/run-source.ts'
import { createKafkaSource } from './ingest/sources/kafka.ts'
import { warehouseRecordStore } from './ingest/warehouse-record-store.ts'
import { openLog } from './log.ts'
import { loadCheckpoint } from './sql/checkpoints.ts'
import { openControl, type Control } from './sql/control.ts'
import { migrateWarehouse } from './sql/migrate-warehouse.ts'
import { openWarehouse, type Warehouse } from './sql/warehouse.ts'

const TOPIC = 'fuzzed'
/** What the broker takes at once; and the mock cluster keeps no more than a few MB per partition. */
const MESSAGE_BYTES = 900_000
const TOTAL_BYTES = 12_000_000
const target = { tenant_id: 'kafka', source_id: 'fuzz' }

const data = mkdtempSync(join(tmpdir(), 'callhouse-fuzz-kafka-'))
let warehouse: Warehouse
let control: Control
let cluster: KafkaCluster
beforeAll(async () => {
  control = await openControl({ path: join(data, 'control') })
  warehouse = await openWarehouse({ database: 'callhouse', path: join(data, 'warehouse') })
  await migrateWarehouse(warehouse)
  cluster = await openMockCluster()
})
afterAll(async () => {
  await warehouse.close()
  await control.close()
  await cluster.stop()
  rmSync(data, { recursive: true, force: true })
})

test(`messages of seed ${fuzzSeed}: every partition is read to its end`, { timeout: 120_000 }, async () => {
  const random = new Random(fuzzSeed, 77)
  const messages = Array.from({ length: Math.ceil(fuzzSize / 5) }, (_, n) => canonicalMessage(random, `k${n}`))
  let room = TOTAL_BYTES
  const sent = messages.filter(({ bytes }) => bytes.length < MESSAGE_BYTES && (room -= bytes.length) > 0)
  const unreadable = sent.filter((message) => message.unreadable === true)
  await cluster.createTopic(TOPIC)
  // Keys differ, so that every partition gets some; a message without a value is a tombstone of a compacted topic.
  await cluster.produce(TOPIC, [...sent.map(({ bytes }, n) => ({ key: `key${n}`, value: bytes })), { key: 'tombstone', value: null }])
  const count = sent.length + 1

  const next = (partition: number): Promise<number> =>
    loadCheckpoint(control, { ...target, stream: `kafka/${TOPIC}/${partition}` }).then((saved) => (saved as { next?: number } | undefined)?.next ?? 0)
  const reached = (): Promise<number[]> => Promise.all(Array.from({ length: cluster.partitions }, (_, partition) => next(partition)))
  const stop = new AbortController()
  const pass = runPass({
    ...target,
    source: createKafkaSource({ brokers: cluster.brokers, topics: [TOPIC], group_id: 'fuzz', linger_ms: 50, batch_bytes: 300_000 }),
    state: controlSourceState(control, target),
    loader: new Loader(warehouseRecordStore(warehouse)),
    log: openLog('silent'),
    signal: stop.signal,
  })
  // A pass that fails ends the wait.
  await Promise.race([
    pass,
    expect.poll(async () => (await reached()).reduce((sum, offset) => sum + offset, 0), { timeout: 90_000, interval: 100 }).toBe(count),
  ])
  stop.abort()
  const totals = await pass
  expect(totals.inputs).toBe(count)
  expect(totals.accepted + totals.rejected).toBe(count)

  const letters = await lettersOf(warehouse, target.tenant_id)
  expect(letters.length).toBe(totals.rejected)
  expect(new Set(letters.map(({ position }) => position.split('/')[1])).size, 'partitions with malformed messages').toBe(cluster.partitions)
  const payloads = new Set(letters.map(({ payload }) => payload))
  expect(unreadable.filter(({ letter }) => !payloads.has(letter!)).map(({ letter }) => letter!.slice(0, 300))).toEqual([])
  const rows = sent.flatMap((message) => message.rows ?? [])
  await expectRows(warehouse, target.tenant_id, rows)
})
