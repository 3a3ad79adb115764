/** A group's member against a client that does what librdkafka may do, at moments that a real one hits seldom. */
import { expect, test } from 'vitest'
import { KafkaBatch } from './kafka-batch.ts'
import type { KafkaMessage, KafkaModule } from './kafka-client.ts'
import { KafkaReader } from './kafka-consumer.ts'
import type { LedgerEntry } from './kafka-ledger.ts'
import type { PartitionOf } from './kafka-offsets.ts'
import { testContext } from './test-context.ts'

const ASSIGN = -175
const REVOKE = -174
const origin = { tenant_id: 't', source_id: 's', observed_at: '' }
const partition: PartitionOf = { topic: 'calls', partition: 0 }

type Deliver = (error: null, messages: KafkaMessage[]) => void

/** A client whose polls end when the test says so. */
function openFake() {
  const polls: Deliver[] = []
  const done: string[] = []
  let rebalance: (error: { code: number }, partitions: PartitionOf[]) => void = () => undefined
  let assigned: PartitionOf[] = []
  class KafkaConsumer {
    constructor(settings: { rebalance_cb: typeof rebalance }) {
      rebalance = settings.rebalance_cb
    }
    connect = (_: unknown, callback: (error: null) => void): void => callback(null)
    disconnect = (callback: () => void): void => callback()
    consume = (_: number, deliver: Deliver): void => void polls.push(deliver)
    queryWatermarkOffsets = (...[, , , callback]: [string, number, number, (error: null, extent: object) => void]): void =>
      callback(null, { lowOffset: 0, highOffset: 1_000 })
    assign = (partitions: PartitionOf[]): void => void (done.push('assign'), (assigned = partitions))
    unassign = (): void => void (done.push('unassign'), (assigned = []))
    assignments = (): PartitionOf[] => assigned
    pause = (partitions: PartitionOf[]): void => void done.push(`pause ${partitions.length}`)
    resume = (partitions: PartitionOf[]): void => void done.push(`resume ${partitions.length}`)
    commit = (): void => undefined
    subscribe = (): void => undefined
    on = (): void => undefined
    setDefaultConsumeTimeout = (): void => undefined
    isConnected = (): boolean => true
  }
  return {
    module: { KafkaConsumer } as unknown as KafkaModule,
    done,
    rebalance: (code: number) => rebalance({ code }, [partition]),
    /** Ends the poll that is under way. */
    deliver: async (from: number, to: number) => {
      await expect.poll(() => polls.length).toBeGreaterThan(0)
      polls.shift()!(null, messages(from, to))
    },
    end: () => {
      for (const deliver of polls.splice(0)) deliver(null, [])
    },
    polling: () => polls.length,
  }
}

function messages(from: number, to: number): KafkaMessage[] {
  return Array.from({ length: to - from }, (_, n) => ({ ...partition, offset: from + n, value: Buffer.from('x'), size: 1 }))
}

async function openReader(fake: ReturnType<typeof openFake>, entry: LedgerEntry, batch_bytes = 1_000_000) {
  const context = testContext({ sleep: (ms, signal) => new Promise((resolve) => wait(Math.min(ms, 20), resolve, signal)) })
  const intake = { ledger: async () => new Map([['calls/0', entry]]), newBatch: () => new KafkaBatch(origin, () => undefined) }
  return await KafkaReader.open(fake.module, { brokers: ['b'], topics: ['calls'], group_id: 'g', linger_ms: 10, batch_bytes }, intake, context)
}

function wait(ms: number, resolve: () => void, signal?: AbortSignal): void {
  const timer = setTimeout(resolve, ms)
  signal?.addEventListener('abort', () => (clearTimeout(timer), resolve()))
}

test('what a poll brings that began before the partitions were given anew is not taken for what follows the ledger', async () => {
  const fake = openFake()
  const reader = await openReader(fake, { next: 100 })
  fake.rebalance(ASSIGN)
  await expect.poll(() => fake.done).toContain('assign')
  await fake.deliver(100, 150)
  await expect.poll(() => fake.polling()).toBe(1)
  // All within the poll that is under way: 100 to 149 are dropped, and are the next to read; the poll brings what came after them.
  fake.rebalance(REVOKE)
  await expect.poll(() => fake.done).toContain('unassign')
  fake.rebalance(ASSIGN)
  await new Promise((resolve) => setImmediate(resolve))
  await fake.deliver(150, 160)
  await expect.poll(() => fake.done.filter((what) => what === 'assign').length).toBe(2)
  await fake.deliver(100, 120)
  const cut = await reader.take()
  expect([...cut!.batch.ranges.values()]).toMatchObject([{ from: 100, next: 120 }])
  expect(cut!.batch.inputs).toBe(20)
  const closing = reader.close()
  fake.end()
  await closing
})

test('a partition that was paused is resumed before it is given up, for librdkafka would keep it paused', async () => {
  const fake = openFake()
  const reader = await openReader(fake, { next: 100 }, 1_000)
  fake.rebalance(ASSIGN)
  await expect.poll(() => fake.done).toContain('assign')
  // More than a batch: the partition is paused.
  await fake.deliver(100, 150)
  await expect.poll(() => fake.done).toContain('pause 1')
  fake.rebalance(REVOKE)
  await expect.poll(() => fake.done).toContain('unassign')
  const order = fake.done.slice(fake.done.indexOf('pause 1'))
  expect(order).toEqual(['pause 1', 'resume 1', 'unassign'])
  const closing = reader.close()
  fake.end()
  await closing
})

test('partitions whose ledger cannot be read are given up, or the client could never be closed', async () => {
  const fake = openFake()
  const context = testContext({})
  const intake = { ledger: () => Promise.reject(new Error('away')), newBatch: () => new KafkaBatch(origin, () => undefined) }
  const reader = await KafkaReader.open(fake.module, { brokers: ['b'], topics: ['calls'], group_id: 'g' }, intake, context)
  fake.rebalance(ASSIGN)
  await expect(reader.take()).rejects.toMatchObject({ code: 'kafka_unavailable' })
  expect(fake.done).toEqual(['unassign'])
  const closing = reader.close()
  fake.end()
  await closing
})
