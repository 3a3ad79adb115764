/**
 * Kafka into facts on a real Apache Kafka broker, which is killed, and whose
 * topics vanish. Runs where CALLHOUSE_KAFKA=1 or CI=true; needs java 17, and mvn
 * the first time.
 */
import { expect, test } from 'vitest'
import { openRealCluster } from './fixtures/servers/kafka-cluster.ts'
import { kafkaIsWanted, startKafka } from './fixtures/servers/kafka.ts'
import { runForever, runPass } from './ingest/run-source.ts'
import { createKafkaSource } from './ingest/sources/kafka.ts'
import { loadCheckpoint } from './sql/checkpoints.ts'
import { kafkaSuite, settings, type World } from './kafka.suite.ts'

const wanted = kafkaIsWanted()
const server = wanted === true ? await startKafka() : { missing: wanted }

if ('missing' in server) test('Kafka into facts on a real broker', (context) => context.skip(server.missing))
else kafkaSuite('on a real broker', () => openRealCluster(server), realOnly)

function realOnly(world: () => World): void {
  test('a broker that is killed while it is read and written loses nothing', { timeout: 120_000 }, async () => {
    const { cluster, messages, member, untilLoaded, expectTruth } = world()
    await cluster.createTopic('restarts')
    const stop = new AbortController()
    let inputs = 0
    const pulled = runForever(
      member('restarts', { signal: stop.signal, kafka: { batch_bytes: 100_000 }, onBatch: (batch) => void (inputs += batch.inputs) }),
      { pause_ms: () => 100 },
    )
    for (let round = 0; round < 3; round++) {
      const third = messages.slice((messages.length * round) / 3, (messages.length * (round + 1)) / 3)
      const before = inputs
      const sent = cluster.produce('restarts', third)
      await expect.poll(() => inputs, { timeout: 30_000, interval: 5 }).toBeGreaterThan(before)
      if (round < 2) await cluster.real!.restart()
      await sent
    }
    await untilLoaded('restarts', messages.length)
    stop.abort()
    await pulled
    await expectTruth('restarts')
  })

  test('a topic that vanishes does not hold up the others; made anew, it is an error and not skipped', { timeout: 90_000 }, async () => {
    const { cluster, messages, member, stores, untilLoaded } = world()
    await cluster.createTopic('stays')
    await cluster.createTopic('vanishes')
    const both = { tenant_id: 'stays', source_id: 'kafka' }
    const source = createKafkaSource({ brokers: cluster.brokers, topics: ['stays', 'vanishes'], group_id: 'both', linger_ms: 50, settings })
    await cluster.produce('stays', messages.slice(0, 500))
    await cluster.produce('vanishes', messages.slice(0, 500))
    const stop = new AbortController()
    let inputs = 0
    const pulled = runPass(member('stays', { source, signal: stop.signal, onBatch: (batch) => void (inputs += batch.inputs) }))
    await expect.poll(() => inputs, { timeout: 30_000 }).toBe(1000)
    await cluster.real!.deleteTopic('vanishes')
    await cluster.produce('stays', messages.slice(500, 1000))
    await untilLoaded('stays', 1000)
    stop.abort()
    await pulled
    // Kafka deletes a topic in its own time.
    await expect
      .poll(
        () =>
          cluster.createTopic('vanishes').then(
            () => true,
            () => false,
          ),
        { timeout: 20_000 },
      )
      .toBe(true)
    await cluster.produce('vanishes', messages.slice(0, 20))
    await expect(runPass(member('stays', { source }))).rejects.toMatchObject({
      code: 'checkpoint_invalid',
      message: expect.stringContaining('vanishes/'),
    })
    expect(await loadCheckpoint(stores.control, { ...both, stream: 'kafka/vanishes/0' })).toMatchObject({ format: 2 })
  })
}
