/** A Kafka source through the loader into facts, on the mock cluster and on a real broker alike: whatever happens in between, they are the truth. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStores, refreshOnce, type Stores } from './app.ts'
import { normalizeConfig } from './config.ts'
import { publishKafka } from './fixtures/publish-kafka.ts'
import type { KafkaCluster, OutgoingMessage } from './fixtures/servers/kafka-cluster.ts'
import { createSimulation, type Simulation } from './fixtures/simulation.ts'
import { expectDay } from './fixtures/test-expect-truth.ts'
import { Loader } from './ingest/loader.ts'
import { runForever, runPass, type SourceRun } from './ingest/run-source.ts'
import { createKafkaSource, type KafkaOptions } from './ingest/sources/kafka.ts'
import { openLog } from './log.ts'
import { loadCheckpoint, saveCheckpoint } from './sql/checkpoints.ts'
import { verifyTenant } from './transform/verify.ts'
import { controlSourceState } from './ingest/control-source-state.ts'
import { warehouseRecordStore } from './ingest/warehouse-record-store.ts'

const DAY_MS = 86_400_000
const NOW_MS = Date.UTC(2026, 9, 31, 15)
const FIRST_MS = Date.UTC(2026, 9, 30)
const POISON = ['', 'not json', '{"entity":"calls"', '{"entity":"nonsense","record":{}}', '{"entity":"calls","record":{"native_id":"x","version":1}}']
/** Short, so that a change of members does not wait long. */
export const settings = { 'session.timeout.ms': 2_500, 'heartbeat.interval.ms': 250 }

export interface World {
  cluster: KafkaCluster
  stores: Stores
  messages: readonly OutgoingMessage[]
  /** Every message loaded: the ledger's offsets add up to so many. */
  untilLoaded(topic: string, count: number): Promise<void>
  member(topic: string, options?: Partial<SourceRun> & { kafka?: Partial<KafkaOptions> }): SourceRun
  expectTruth(tenant_id: string): Promise<void>
}

/** Registers the tests; `more` may add some of its own, in the same world. */
export function kafkaSuite(name: string, open: () => Promise<KafkaCluster>, more: (world: () => World) => void = () => undefined): void {
  describe(name, () => {
    const data = mkdtempSync(join(tmpdir(), 'callhouse-kafka-'))
    let world: World

    beforeAll(async () => {
      const simulation = createSimulation({ seed: 11, days: 2, calls_per_day: 80, now: NOW_MS })
      const messages: OutgoingMessage[] = []
      await publishKafka(simulation, { produce: (_, key, value) => void messages.push({ key, value }) })
      world = openWorld(await open(), await openStores(normalizeConfig({ data })), simulation, messages)
    }, 180_000)
    afterAll(async () => {
      await world.stores.close()
      await world.cluster.stop()
      rmSync(data, { recursive: true, force: true })
    })

    test('with poison and duplicates in between, facts are the truth and every input is accounted for', { timeout: 60_000 }, async () => {
      const { cluster, messages, member, untilLoaded, expectTruth } = world
      const sent = messages.flatMap((message, n) => [
        message,
        ...(n % 7 === 0 ? [message] : []),
        ...(n % 50 === 0 ? [{ key: `poison${n}`, value: POISON[(n / 50) % POISON.length]! }] : []),
      ])
      await cluster.createTopic('mixed')
      await cluster.produce('mixed', sent)
      const stop = new AbortController()
      const pulled = runPass(member('mixed', { signal: stop.signal }))
      await untilLoaded('mixed', sent.length)
      stop.abort()
      const rejected = Math.ceil(messages.length / 50)
      expect(await pulled).toMatchObject({ inputs: sent.length, accepted: sent.length - rejected, rejected })
      await expectTruth('mixed')
    })

    test('members that come, go and die in one group lose nothing and count nothing twice', { timeout: 90_000 }, async () => {
      const { cluster, messages, member, untilLoaded, expectTruth } = world
      await cluster.createTopic('shared')
      const middle = messages.length >> 1
      const stops = [new AbortController(), new AbortController()]
      const inputs = [0, 0]
      // At every change of members the mock cluster waits out the session timeout.
      const toDie = cluster.real ? 4 : 1
      let deaths = 0
      const members = stops.map(({ signal }, n) =>
        member('shared', {
          signal,
          kafka: { batch_bytes: 200_000 },
          onBatch: (batch) => void (inputs[n]! += batch.inputs),
          // The second one dies with batches loaded and not checkpointed.
          beforeCheckpoint: () => {
            if (n === 1 && deaths < toDie && ++deaths) throw new Error('killed')
          },
        }),
      )
      const first = runForever(members[0]!, { pause_ms: () => 1 })
      await cluster.produce('shared', messages.slice(0, middle))
      await expect.poll(() => inputs[0], { timeout: 20_000 }).toBeGreaterThan(0)
      const second = runForever(members[1]!, { pause_ms: () => 1 })
      let sent = middle
      // Both have partitions while this is sent.
      await expect
        .poll(
          async () => {
            const part = messages.slice(sent, sent + 100)
            sent += part.length
            await cluster.produce('shared', part)
            return inputs[1]
          },
          { timeout: 40_000, interval: 250 },
        )
        .toBeGreaterThan(0)
      stops[0]!.abort()
      await cluster.produce('shared', messages.slice(sent))
      await untilLoaded('shared', messages.length)
      stops[1]!.abort()
      await Promise.all([first, second])
      expect(deaths).toBe(toDie)
      await expectTruth('shared')
    })

    test('a ledger ahead of the topic is an error and moves nothing; once it is forgotten, all is read', { timeout: 60_000 }, async () => {
      const { cluster, stores, messages, member, untilLoaded } = world
      await cluster.createTopic('ahead')
      await cluster.produce('ahead', messages.slice(0, 200))
      const key = { tenant_id: 'ahead', source_id: 'kafka', stream: 'kafka/ahead/0' }
      const ahead = { format: 1, next: 1_000_000 }
      await saveCheckpoint(stores.control, { ...key, value: ahead })
      await expect(runPass(member('ahead'))).rejects.toMatchObject({ code: 'checkpoint_invalid', message: expect.stringContaining('ahead/0') })
      expect(await loadCheckpoint(stores.control, key)).toEqual(ahead)
      await saveCheckpoint(stores.control, { ...key, value: undefined })
      const stop = new AbortController()
      const pulled = runPass(member('ahead', { signal: stop.signal }))
      await untilLoaded('ahead', 200)
      stop.abort()
      expect(await pulled).toMatchObject({ inputs: 200, rejected: 0 })
    })

    test(
      'after a crash between rows and checkpoint the same batch is cut again, and no row is written a second time',
      { timeout: 60_000 },
      async () => {
        const { cluster, stores, messages, member, untilLoaded, expectTruth } = world
        await cluster.createTopic('again')
        await cluster.produce('again', messages)
        const written = async (): Promise<number> => {
          const result = await stores.warehouse.query({
            query: "SELECT toUInt32(count()) AS n FROM call_legs WHERE tenant_id = 'again'",
            format: 'JSONEachRow',
          })
          return (await result.json<{ n: number }>())[0]!.n
        }
        // A merge would hide what was written twice.
        await stores.warehouse.command({ query: 'SYSTEM STOP MERGES call_legs' })
        try {
          const died = member('again', {
            beforeCheckpoint: () => {
              throw new Error('killed')
            },
          })
          await expect(runPass(died)).rejects.toThrow('killed')
          const before = await written()
          expect(before).toBeGreaterThan(0)
          const [after_first, stop] = [[] as number[], new AbortController()]
          const pulled = runPass(
            member('again', {
              signal: stop.signal,
              beforeCheckpoint: async () => {
                if (after_first.length === 0) after_first.push(await written())
              },
            }),
          )
          await untilLoaded('again', messages.length)
          stop.abort()
          await pulled
          expect(after_first).toEqual([before])
          await expectTruth('again')
        } finally {
          await stores.warehouse.command({ query: 'SYSTEM START MERGES call_legs' })
        }
      },
    )

    test('a topic made anew, and longer than the ledger by now, is told from the one that was read', { timeout: 60_000 }, async () => {
      const { cluster, stores, messages, member } = world
      await cluster.createTopic('anew')
      await cluster.produce('anew', messages.slice(0, 100))
      const key = { tenant_id: 'anew', source_id: 'kafka', stream: 'kafka/anew/0' }
      // As a topic of the same name would have left it, whose fourth message was another.
      await saveCheckpoint(stores.control, { ...key, value: { format: 2, next: 4, fingerprint: 12345 } })
      await expect(runPass(member('anew'))).rejects.toMatchObject({ code: 'checkpoint_invalid', message: expect.stringContaining('made anew') })
      expect(await loadCheckpoint(stores.control, key)).toMatchObject({ next: 4 })
    })

    more(() => world)
  })
}

function openWorld(cluster: KafkaCluster, stores: Stores, simulation: Simulation, messages: OutgoingMessage[]): World {
  const partitions = Array.from({ length: cluster.partitions }, (_, n) => n)
  const loaded = async (topic: string): Promise<number> => {
    const key = { tenant_id: topic, source_id: 'kafka' }
    const saved = await Promise.all(partitions.map((n) => loadCheckpoint(stores.control, { ...key, stream: `kafka/${topic}/${n}` })))
    return saved.reduce<number>((sum, value) => sum + ((value as { next?: number } | undefined)?.next ?? 0), 0)
  }
  return {
    cluster,
    stores,
    messages,
    untilLoaded: (topic, count) => expect.poll(() => loaded(topic), { timeout: 60_000, interval: 100 }).toBe(count),
    member: (topic, { kafka, ...options } = {}) => ({
      source: createKafkaSource({ brokers: cluster.brokers, topics: [topic], group_id: topic, linger_ms: 50, settings, ...kafka }),
      tenant_id: topic,
      source_id: 'kafka',
      state: controlSourceState(stores.control, { tenant_id: topic, source_id: 'kafka' }),
      loader: new Loader(warehouseRecordStore(stores.warehouse)),
      log: openLog('silent'),
      signal: new AbortController().signal,
      ...options,
    }),
    expectTruth: async (tenant_id) => {
      await refreshOnce(stores)
      for (let day = FIRST_MS; day <= NOW_MS; day += DAY_MS)
        await expectDay({ warehouse: stores.warehouse, tenant_id, simulation, now_ms: NOW_MS }, day)
      expect(await verifyTenant(stores.warehouse, stores.models, tenant_id)).toEqual([])
    },
  }
}
