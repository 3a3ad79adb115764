/**
 * Rows per CPU-second of draining one backlog from a real broker into the same
 * table: Callhouse's Kafka source and loader, with all that makes them exact,
 * beside ClickHouse's own Kafka table engine, at-least-once. Both run in this
 * process, in turns, so its CPU time is all they cost; the broker is another
 * process. Consuming alone and writing alone give the limit that any consumer
 * in Node, on this client and this engine, has: 1 / (1/consume + 1/write).
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStores, type Stores } from '../app.ts'
import { normalizeConfig } from '../config.ts'
import { openRealCluster, type KafkaCluster } from '../fixtures/servers/kafka-cluster.ts'
import { startKafka } from '../fixtures/servers/kafka.ts'
import { encodeRecord } from '../ingest/encode-record.ts'
import { loadKafka } from '../ingest/kafka-client.ts'
import { KafkaReader } from '../ingest/kafka-consumer.ts'
import { readKafkaMessage } from '../ingest/kafka-messages.ts'
import { RowBuffer } from '../ingest/row-buffer.ts'
import { insertRows, warehouseRecordStore } from '../ingest/warehouse-record-store.ts'
import { controlSourceState } from '../ingest/control-source-state.ts'
import { KafkaBatch } from '../ingest/kafka-batch.ts'
import type { LoadTarget, RecordStore, RowBlock } from '../ingest/record-store.ts'
import type { SourceState } from '../ingest/source-state.ts'
import { Loader } from '../ingest/loader.ts'
import type { Envelope } from '../ingest/records/entity.ts'
import { entities, type EntityName } from '../ingest/records/index.ts'
import { realSleep, runPass } from '../ingest/run-source.ts'
import { createKafkaSource } from '../ingest/sources/kafka.ts'
import { openLog } from '../log.ts'
import { callMessages } from './call-messages.ts'
import { median } from './machine.ts'

const ROWS = 200_000
const ROUNDS = 3
/** As many rows as a batch of ours has. */
const WRITE_ROWS = 16_000
const TOPIC = 'bench'
const ORIGIN = { tenant_id: 'bench', source_id: 'write', observed_at: '2026-10-31 00:00:00.000' }
const log = openLog('silent')

interface Bench {
  stores: Stores
  cluster: KafkaCluster
}

export async function benchKafka(): Promise<void> {
  const server = await startKafka()
  if ('missing' in server) return console.log(`kafka     not measured: ${server.missing}\n`)
  const data = mkdtempSync(join(tmpdir(), 'callhouse-bench-kafka-'))
  const bench = { cluster: await openRealCluster(server), stores: await openStores(normalizeConfig({ data })) }
  try {
    await bench.cluster.createTopic(TOPIC)
    await bench.cluster.produce(TOPIC, [...callMessages(ROWS)])
    await bench.stores.warehouse.command({ query: 'CREATE TABLE engine_calls AS calls' })
    const blocks = finishedBlocks()
    const rates: Record<keyof Rates, number[]> = { ours: [], bare: [], engine: [], consume: [], write: [] }
    // The first round warms everything up and does not count.
    for (let round = 0; round <= ROUNDS; round++) {
      const found = {
        ours: await measure(bench, 'calls', () => drainOurs(bench, round)),
        bare: await measure(bench, 'calls', () => drainBare(bench, round)),
        engine: await measure(bench, 'engine_calls', () => drainEngine(bench, round)),
        consume: await measure(bench, undefined, () => consumeOnly(bench, round)),
        write: await measure(bench, 'calls', () => writeOnly(bench, blocks)),
      }
      if (process.env.CALLHOUSE_BENCH_ROUNDS) console.log(found)
      if (round > 0) for (const [name, rate] of Object.entries(found)) rates[name as keyof Rates].push(rate)
    }
    print(Object.fromEntries(Object.entries(rates).map(([name, all]) => [name, median(all)])) as unknown as Rates)
  } finally {
    await bench.stores.close()
    await bench.cluster.stop()
    rmSync(data, { recursive: true, force: true })
  }
}

/** Rows per CPU-second. */
interface Rates {
  ours: number
  bare: number
  engine: number
  consume: number
  write: number
}

function print({ ours, bare, engine, consume, write }: Rates): void {
  const rows = (rate: number): string => `${Math.round(rate).toLocaleString('en')} rows per CPU-second`
  const limit = 1 / (1 / consume + 1 / write)
  const short = (value: number, goal: number): string => `${value.toFixed(2)}   (goal ${goal}${value < goal ? ': falls short' : ''})`
  console.log(`kafka     ${ROWS.toLocaleString('en')} calls in 12 partitions of a real broker, ${ROUNDS} rounds`)
  console.log(`  callhouse, exact        ${rows(ours)}`)
  console.log(`  callhouse, bare         ${rows(bare)}   (at least once: no ledger, claims, marks or day pairs)`)
  console.log(`  Kafka table engine      ${rows(engine)}`)
  console.log(`  ratio to the engine     ${short(ours / engine, 2.5)}`)
  console.log(`  share of bare           ${short(ours / bare, 0.85)}`)
  console.log(`  consume alone           ${rows(consume)}`)
  console.log(`  write alone             ${rows(write)}`)
  console.log(`  limit                   ${rows(limit)}, ${(limit / engine).toFixed(2)} times the engine: no consumer on this client can have more`)
  console.log(`  share of the limit      ${short(ours / limit, 0.55)}`)
  console.log('  repeat with             npm run bench -- kafka\n')
}

/** Rows per second of this process's CPU, all threads; the table must hold exactly the backlog afterwards and is emptied. */
async function measure({ stores }: Bench, table: string | undefined, drain: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  await drain()
  const { user, system } = process.cpuUsage(before)
  if (table !== undefined) {
    const result = await stores.warehouse.query({ query: `SELECT toUInt32(count()) AS n FROM ${table} FINAL`, format: 'JSONEachRow' })
    const [{ n }] = (await result.json<{ n: number }>()) as [{ n: number }]
    if (n !== ROWS) throw new Error(`${table} holds ${n} rows instead of ${ROWS}`)
    await stores.warehouse.command({ query: `TRUNCATE TABLE ${table}` })
  }
  return (ROWS / (user + system)) * 1e6
}

async function drainOurs({ stores, cluster }: Bench, round: number): Promise<void> {
  const target = { tenant_id: 'bench', source_id: `kafka-${round}` }
  await drain(cluster, `ours-${round}`, target, warehouseRecordStore(stores.warehouse), controlSourceState(stores.control, target))
}

/** The same reader, parser and inserts without what makes them exact: no claims, ledger, marks or day pairs; where it stands, Kafka knows. */
async function drainBare({ stores, cluster }: Bench, round: number): Promise<void> {
  const { addRows } = warehouseRecordStore(stores.warehouse)
  const nothing = async (): Promise<undefined> => undefined
  const store = {
    coveredEntities: async () => new Set<string>(),
    addDeadLetters: nothing,
    addReach: nothing,
    addRows: (entity: EntityName, { tsv, rows }: RowBlock) => addRows(entity, { tsv, rows }),
    holdsRows: async () => false,
    addMarks: nothing,
    addCoverage: nothing,
  }
  const state = { checkpoint: nothing, saveCheckpoint: nothing, claim: nothing, advance: nothing, startPass: async () => '', finishPass: nothing }
  await drain(cluster, `bare-${round}`, { tenant_id: 'bench', source_id: `bare-${round}` }, store, state)
}

async function drain(cluster: KafkaCluster, group_id: string, target: LoadTarget, store: RecordStore, state: SourceState): Promise<void> {
  const stop = new AbortController()
  let inputs = 0
  await runPass({
    source: createKafkaSource({ brokers: cluster.brokers, topics: [TOPIC], group_id }),
    ...target,
    state,
    loader: new Loader(store),
    log,
    signal: stop.signal,
    onBatch: (batch) => {
      inputs += batch.inputs
      if (inputs >= ROWS) stop.abort()
    },
  })
}

async function drainEngine({ stores, cluster }: Bench, round: number): Promise<void> {
  const { warehouse } = stores
  const text = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8')
  // Engine settings and views take no parameters.
  const table = text('kafka-table.sql')
    .replace('{brokers:String}', `'${cluster.brokers.join(',')}'`)
    .replace('{topic:String}', `'${TOPIC}'`)
    .replace('{group:String}', `'engine-${round}'`)
  await warehouse.command({ query: table })
  await warehouse.command({ query: text('kafka-view.sql').replace('{tenant_id:String}', `'bench'`) })
  for (let count = 0, looks = 0; count < ROWS; await realSleep(100)) {
    if (looks++ > 1_200) throw new Error(`the Kafka table engine read ${count} of ${ROWS} rows in two minutes`)
    const result = await warehouse.query({ query: 'SELECT toUInt32(count()) AS n FROM engine_calls', format: 'JSONEachRow' })
    count = (await result.json<{ n: number }>())[0]!.n
  }
  await warehouse.command({ query: 'DROP TABLE kafka_calls_view SYNC' })
  await warehouse.command({ query: 'DROP TABLE kafka_calls SYNC' })
}

/** The client alone: messages are taken and settled, and nothing is made of them. */
async function consumeOnly({ cluster }: Bench, round: number): Promise<void> {
  const stop = new AbortController()
  const options = { brokers: cluster.brokers, topics: [TOPIC], group_id: `consume-${round}` }
  const intake = { ledger: async () => new Map<string, never>(), newBatch: () => new KafkaBatch(ORIGIN, () => undefined) }
  const reader = await KafkaReader.open(await loadKafka(), options, intake, { sleep: realSleep, signal: stop.signal, log })
  for (let count = 0; count < ROWS;) {
    count += (await reader.take())?.batch.inputs ?? 0
    reader.settle()
  }
  await reader.close()
}

/** The engine alone: the same rows as finished bytes. */
async function writeOnly({ stores }: Bench, blocks: RowBlock[]): Promise<void> {
  for (const block of blocks) await insertRows(stores.warehouse, 'calls', 'calls', block)
}

/** The backlog as the loader would write it. */
function finishedBlocks(): RowBlock[] {
  const blocks: RowBlock[] = []
  let offset = 0
  let rows = new RowBuffer()
  for (const { value } of callMessages(ROWS)) {
    const read = readKafkaMessage({ topic: TOPIC, partition: 0, offset: offset++, value: Buffer.from(value) })
    if (!('record' in read)) throw new Error(read.reject.reason)
    encodeRecord(entities.calls, read.record.record as unknown as Envelope & Record<string, unknown>, ORIGIN, rows)
    if (rows.rows < WRITE_ROWS && offset < ROWS) continue
    blocks.push({ tsv: rows.toBuffer(), rows: rows.rows })
    rows = new RowBuffer()
  }
  return blocks
}
