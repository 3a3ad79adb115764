/**
 * Memory. The most a fresh process takes for a backlog, and for one ten times
 * as long, over REST and from a real Kafka broker; and what it holds at the
 * beginning and at the end of a minute in which its warehouse is gone while the
 * source has ever more to deliver.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openRealCluster, type KafkaCluster } from '../fixtures/servers/kafka-cluster.ts'
import { startKafka } from '../fixtures/servers/kafka.ts'
import { callMessages } from './call-messages.ts'
import { startCallhouse, startWarehouse, type CallhouseProcess } from './callhouse-process.ts'
import { startFullSpeedSource, streams } from './full-speed-source.ts'
import { BENCH_KEY, TENANT } from './loaded-stores.ts'
import { median } from './machine.ts'
import { megabytesOf, untilQuiet } from './process-cost.ts'

const ROUNDS = 2
/** Of each stream; a page is a thousand records. */
const PAGES = 20
const MESSAGES = 60_000
const TIMES = 10
const OUTAGE_S = 60
const SAMPLES = 12

/** Something that delivers this many records to a fresh process, and how that process is told of it. */
type Backlog = (records: number) => Promise<{ source: object; close(): Promise<void> }>

export async function benchBacklog(): Promise<void> {
  console.log(`backlog   peak RSS of a fresh process, ${ROUNDS} rounds in turns`)
  await compare('REST', PAGES * streams.length * 1_000, overRest)
  const server = await startKafka()
  if ('missing' in server) console.log(`  Kafka                   not measured: ${server.missing}`)
  else {
    const cluster = await openRealCluster(server)
    try {
      await compare('Kafka', MESSAGES, (records) => overKafka(cluster, records))
      await loseWarehouse('Kafka', await overKafka(cluster, MESSAGES * TIMES), MESSAGES)
    } finally {
      await cluster.stop()
    }
  }
  await loseWarehouse('REST', await overRest(Infinity), PAGES * 1_000)
  console.log('  repeat with             npm run bench -- backlog\n')
}

async function compare(name: string, records: number, backlog: Backlog): Promise<void> {
  const [one, ten]: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    one.push(await peakOf(backlog, records))
    ten.push(await peakOf(backlog, records * TIMES))
  }
  const ratio = median(ten) / median(one)
  const count = (n: number): string => `${n.toLocaleString('en')} records`
  console.log(`  ${name.padEnd(22)}  ${median(one)} MB for ${count(records)}, ${median(ten)} MB for ${count(records * TIMES)}`)
  console.log(`  ratio                   ${ratio.toFixed(2)}   (goal 1.2${ratio > 1.2 ? ': falls short' : ''})`)
}

async function peakOf(backlog: Backlog, records: number): Promise<number> {
  const data = mkdtempSync(join(tmpdir(), 'callhouse-bench-backlog-'))
  const { source, close } = await backlog(records)
  const callhouse = await startCallhouse(['up', '--config', configFile(data, source)], data)
  try {
    await untilTaken(callhouse, records)
    await untilQuiet(callhouse.child.pid!)
    return callhouse.peakMegabytes()
  } finally {
    await callhouse.stop()
    await close()
    rmSync(data, { recursive: true, force: true })
  }
}

/** A process over a warehouse that is killed under it after `warm` records. */
async function loseWarehouse(name: string, { source, close }: Awaited<ReturnType<Backlog>>, warm: number): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), 'callhouse-bench-outage-'))
  const warehouse = await startWarehouse(data)
  const callhouse = await startCallhouse(['up', '--config', configFile(data, source)], data, { ...warehouse.env, CALLHOUSE_LOG_LEVEL: 'silent' })
  try {
    await untilTaken(callhouse, warm)
    warehouse.child.kill('SIGKILL')
    const samples: number[] = []
    for (let n = 0; n < SAMPLES; n++) {
      await new Promise((resolve) => setTimeout(resolve, (OUTAGE_S * 1_000) / SAMPLES))
      samples.push(megabytesOf(callhouse.child.pid!))
    }
    console.log(`  ${name}, no warehouse     RSS over ${OUTAGE_S} s: ${samples.join(', ')} MB   (goal: does not grow)`)
  } finally {
    callhouse.child.kill('SIGKILL')
    await close()
    rmSync(data, { recursive: true, force: true, maxRetries: 5 })
  }
}

const overRest: Backlog = async (records) => {
  const server = await startFullSpeedSource()
  server.deliver(records / streams.length / 1_000)
  return { source: { kind: 'pretend', url: server.url, token: 'none', streams, poll_ms: 1_000 }, close: () => server.close() }
}

let topics = 0
async function overKafka(cluster: KafkaCluster, records: number): ReturnType<Backlog> {
  const topic = `backlog-${topics++}`
  await cluster.createTopic(topic)
  let part = []
  for (const message of callMessages(records)) {
    part.push(message)
    if (part.length < 50_000) continue
    await cluster.produce(topic, part)
    part = []
  }
  await cluster.produce(topic, part)
  return {
    source: { kind: 'kafka', brokers: cluster.brokers, topics: [topic], group_id: topic },
    close: () => cluster.real!.deleteTopic(topic),
  }
}

function configFile(data: string, source: object): string {
  const file = join(data, 'callhouse.yaml')
  writeFileSync(file, JSON.stringify({ sources: [{ id: 'backlog', tenant: TENANT, ...source }] }))
  return file
}

/** Resolves when the process has loaded so many records. */
async function untilTaken({ url, child }: CallhouseProcess, records: number): Promise<void> {
  for (;;) {
    const text = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${BENCH_KEY}` } })).text()
    const taken = [...text.matchAll(/^cdr_ingest_records_total\{.*outcome="accepted".*\} (\d+)/gm)].reduce((sum, [, n]) => sum + Number(n), 0)
    if (taken >= records) return
    if (child.exitCode !== null) throw new Error(`callhouse ended after ${taken} of ${records} records`)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}
