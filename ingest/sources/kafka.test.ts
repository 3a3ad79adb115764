/** The Kafka source on librdkafka's built-in mock cluster: real client, real group protocol, in this process. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadKafka, type KafkaModule, type LibrdKafkaError } from '../kafka-client.ts'
import type { Batch, PullContext } from '../source.ts'
import { idsIn } from '../test-rows.ts'
import { testContext, type TestContext } from '../test-context.ts'
import { createKafkaSource, type KafkaOptions } from './kafka.ts'

let kafka: KafkaModule
let producer: InstanceType<KafkaModule['Producer']>
let brokers: string[]

beforeAll(async () => {
  kafka = await loadKafka()
  producer = new kafka.Producer({ 'test.mock.num.brokers': 1, 'metadata.broker.list': 'replaced-by-the-mock' } as object)
  brokers = await new Promise((resolve, reject) =>
    producer.connect({ timeout: 10_000 }, (error: LibrdKafkaError | null, metadata) =>
      error ? reject(error) : resolve(metadata.brokers.map(({ host, port }) => `${host}:${port}`)),
    ),
  )
}, 30_000)
afterAll(() => new Promise<void>((resolve) => void producer.disconnect(() => resolve())))

function produce(topic: string, values: readonly string[], partition: number | null = null): Promise<void> {
  for (const [n, value] of values.entries()) producer.produce(topic, partition, Buffer.from(value), `key${n}`)
  return new Promise((resolve, reject) => void producer.flush(10_000, (error: LibrdKafkaError | null) => (error ? reject(error) : resolve())))
}

const calls = (count: number, prefix = 'c', pad = 10): string[] =>
  Array.from({ length: count }, (_, n) =>
    JSON.stringify({ entity: 'call_events', record: { native_id: `${prefix}${n}`, occurred_at: 0, kind: 'note', attributes: 'x'.repeat(pad) } }),
  )

/** Kafka's own threads need time to pass: sleeping is real here. */
function realContext(signal: AbortSignal, saved = new Map<string, unknown>()): TestContext {
  const sleep: PullContext['sleep'] = (ms, stop) => delay(ms, undefined, { signal: stop }).catch(() => undefined)
  return testContext({ signal, sleep, checkpoint: async (stream) => saved.get(stream) })
}

/** The mock cluster's group waits for a session timeout, less one second, at every change of members, and 3 s for its first. */
const settings = { 'session.timeout.ms': 4_500, 'heartbeat.interval.ms': 300 }

const consumer = (topic: string, options: Partial<KafkaOptions> = {}): ReturnType<typeof createKafkaSource> =>
  createKafkaSource({ brokers, topics: [topic], group_id: `group-${topic}`, linger_ms: 50, settings, ...options })

/** As the runner does. */
function save(saved: Map<string, unknown>, batch: Batch): void {
  for (const { stream, next, fingerprint } of batch.positions!) saved.set(stream, { format: 2, next, fingerprint })
}

/** Pulls until `isDone`; saves checkpoints like a runner unless told to die first. */
async function pull(
  topic: string,
  saved: Map<string, unknown>,
  isDone: (batches: Batch[]) => boolean,
  options: { dies?: boolean; context?: TestContext; kafka?: Partial<KafkaOptions> } = {},
): Promise<Batch[]> {
  const stop = new AbortController()
  const batches: Batch[] = []
  for await (const batch of consumer(topic, options.kafka).pull(options.context ?? realContext(stop.signal, saved))) {
    batches.push(batch)
    if (options.dies) break
    save(saved, batch)
    if (isDone(batches)) break
  }
  return batches
}

const idsOf = (batches: readonly Batch[]): string[] => batches.flatMap(idsIn)
const inputsOf = (batches: readonly Batch[]): number => batches.reduce((sum, batch) => sum + batch.inputs, 0)

function committed(topic: string, partition: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asker = new kafka.KafkaConsumer({ 'metadata.broker.list': brokers.join(','), 'group.id': `group-${topic}` }, {})
    asker.connect({ timeout: 5_000 }, (failed: LibrdKafkaError | null) => {
      if (failed) return reject(failed)
      asker.committed(
        [{ topic, partition }],
        5_000,
        (error: LibrdKafkaError | null, offsets) => void asker.disconnect(() => (error ? reject(error) : resolve(offsets[0]?.offset))),
      )
    })
  })
}

test('records and rejects add up, and offsets are committed only once the batch is loaded and checkpointed', { timeout: 60_000 }, async () => {
  await produce('mixed', [...calls(20), 'not json', '{"entity":"nonsense","record":{}}', '{"entity":"calls","record":{}}'], 0)
  const stop = new AbortController()
  const saved = new Map<string, unknown>()
  const batches: Batch[] = []
  for await (const batch of consumer('mixed').pull(realContext(stop.signal, saved))) {
    expect(batch.inputs).toBe(idsIn(batch).length + batch.encoded!.rejects.length)
    batches.push(batch)
    if (inputsOf(batches) === 23) {
      expect((await committed('mixed', 0)) ?? -1).toBeLessThan(23)
      save(saved, batch)
      // Resumes the generator: this batch is durable. Ends it once that is committed.
      void expect
        .poll(() => committed('mixed', 0), { timeout: 20_000 })
        .toBe(23)
        .finally(() => stop.abort())
    }
  }
  expect(await committed('mixed', 0)).toBe(23)
  expect(batches.flatMap((batch) => batch.encoded!.rejects.map(({ position, code }) => `${position} ${code}`))).toEqual([
    'mixed/0/20 not_json',
    'mixed/0/21 unknown_entity',
    'mixed/0/22 identity_missing',
  ])
  expect(batches.at(-1)!.positions).toMatchObject([{ stream: 'kafka/mixed/0', next: 23 }])
})

test('killed between load and commit: the same identities come again; with the checkpoint saved, none do', { timeout: 60_000 }, async () => {
  await produce('killed', calls(30), 0)
  const saved = new Map<string, unknown>()
  const [lost] = await pull('killed', saved, () => false, { dies: true, kafka: { linger_ms: 1_000 } })
  const again = await pull('killed', saved, (batches) => inputsOf(batches) >= 30)
  expect(lost!.inputs).toBeGreaterThan(0)
  expect(idsOf(again).slice(0, lost!.inputs)).toEqual(idsOf([lost!]))
  expect(idsOf(again)).toHaveLength(30)
  // Nothing was ever committed for the last batch; the checkpoint alone says where to go on.
  await produce('killed', calls(1, 'later'), 0)
  expect(idsOf(await pull('killed', saved, () => true))).toEqual(['later0@30'])
})

test('a second member takes its share and nothing is lost', { timeout: 90_000 }, async () => {
  await produce('shared', calls(200))
  const stop = new AbortController()
  const saved = new Map<string, unknown>()
  const seen: Batch[][] = [[], []]
  const ids = (): Set<string> => new Set(seen.flatMap(idsOf).map((id) => id.split('@')[0]!))
  const member = async (n: number): Promise<void> => {
    for await (const batch of consumer('shared').pull(realContext(stop.signal, saved))) {
      seen[n]!.push(batch)
      save(saved, batch)
    }
  }
  const first = member(0)
  await expect.poll(() => ids().size, { timeout: 20_000 }).toBe(200)
  const second = member(1)
  let round = 0
  await expect
    .poll(
      async () => {
        await produce('shared', calls(40, `r${(round += 1)}-`))
        return seen[1]!.length
      },
      { timeout: 40_000, interval: 500 },
    )
    .toBeGreaterThan(0)
  await expect.poll(() => ids().size, { timeout: 20_000 }).toBe(200 + round * 40)
  stop.abort()
  await Promise.all([first, second])
})

test('a full buffer pauses the partitions and keeps polling; everything still arrives, in order', { timeout: 60_000 }, async () => {
  await produce('large', calls(300, 'c', 2_000), 0)
  const stop = new AbortController()
  const context = realContext(stop.signal)
  const { sleep } = context
  // The keep-alive comes at once instead of after half a minute.
  context.sleep = (ms, signal) => sleep(ms >= 30_000 ? 1 : ms, signal)
  const batches: Batch[] = []
  for await (const batch of consumer('large', { batch_bytes: 20_000 }).pull(context)) {
    expect(batch.encoded!.bytes).toBeLessThan(100_000)
    batches.push(batch)
    await sleep(20)
    if (new Set(idsOf(batches)).size === 300) break
  }
  const ids = idsOf(batches)
  expect(ids).toEqual(calls(300).map((_, n) => `c${n}@${n}`))
})

test("a system's own payloads come through its parser, and what that refuses is found by its position", { timeout: 30_000 }, async () => {
  const item = { id: 'c1', created_at: '2026-11-20T10:00:00.000Z', updated_at: '2026-11-20T10:05:00.000Z' }
  const call = { ...item, direction: 'inbound', started_at: item.created_at, disposition: 'answered' }
  const payloads = { own: { parser: 'pretend', entity: 'calls' } } as const
  const given = [call, { ...call, id: 'c2', disposition: 'lost' }, { ...call, id: '' }, { ...item, id: 'c1', deleted: true }].map((one) =>
    JSON.stringify(one),
  )
  await produce('own', given, 0)
  const batches = await pull('own', new Map(), (seen) => inputsOf(seen) === 4, { kafka: { payloads } })
  const version = Date.parse(item.updated_at)
  expect(idsOf(batches)).toEqual([`c1@${version}`, `c1@${version}`])
  const rejects = batches.flatMap((batch) => batch.encoded!.rejects)
  expect(rejects).toMatchObject([
    { position: 'own/0/1', entity: 'calls', code: 'field_invalid', payload: given[1] },
    { position: 'own/0/2', entity: 'calls', code: 'identity_missing', payload: given[2] },
  ])
  // Replayed with the same parser, as a record, as a dead letter, and a canonical record as ever.
  const source = consumer('own', { payloads })
  expect(source.reparse!({ entity: 'calls', native_id: 'c1', payload: given[0]! }).records).toMatchObject([{ record: { native_id: 'c1', version } }])
  expect(source.reparse!({ entity: '', position: 'own/0/2', payload: given[2]! }).rejects).toMatchObject([{ code: 'identity_missing' }])
  const canonical = JSON.stringify({ record: { native_id: 'c9', version: 3 }, entity: 'calls' })
  expect(source.reparse!({ entity: 'calls', native_id: 'c9', payload: canonical }).records).toMatchObject([
    { record: { native_id: 'c9', version: 3 } },
  ])
  expect(() => consumer('own', { payloads: { own: { parser: 'nobody', entity: 'calls' } } })).toThrow('no parser of that name')
  expect(() => consumer('own', { payloads: { other: payloads.own } })).toThrow('not among the topics')
})

test('no broker there is an error that says so, in time', async () => {
  const source = createKafkaSource({ brokers: ['127.0.0.1:1'], topics: ['x'], group_id: 'g', connect_timeout_ms: 500 })
  const pulled = (async () => {
    for await (const batch of source.pull(realContext(new AbortController().signal))) expect(batch).toBeUndefined()
  })()
  await expect(pulled).rejects.toMatchObject({ code: 'kafka_unavailable', message: expect.stringContaining('127.0.0.1:1') })
}, 30_000)

test('a source without topics, brokers or settings that librdkafka knows is refused', async () => {
  expect(() => createKafkaSource({ brokers: [], topics: ['x'], group_id: 'g' })).toThrow(expect.objectContaining({ code: 'config_invalid' }))
  const source = createKafkaSource({ brokers, topics: ['x'], group_id: 'g', settings: { 'no.such.setting': 1 } })
  await expect(source.pull(realContext(new AbortController().signal))[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: 'config_invalid',
  })
})
