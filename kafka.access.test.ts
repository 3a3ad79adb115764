/**
 * A broker that says no: to the group, or to a topic. The pass ends with an error
 * that names both, nothing is read past it, and once it is let in, all is read.
 * Runs where CALLHOUSE_KAFKA=1 or CI=true, as it needs a real broker with access
 * lists.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSource, openStores, pullOnce, type Stores } from './app.ts'
import { normalizeConfig } from './config.ts'
import { openRealCluster, type KafkaCluster } from './fixtures/servers/kafka-cluster.ts'
import { kafkaIsWanted, startKafka, type KafkaServer } from './fixtures/servers/kafka.ts'
import type { SourceRun } from './ingest/run-source.ts'
import { openLog } from './log.ts'
import { listRuns } from './sql/runs.ts'

const wanted = kafkaIsWanted()
/** Everybody may do everything that no list forbids, and who says nothing of himself is ANONYMOUS. */
const access = { 'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer', 'allow.everyone.if.no.acl.found': true }
const server = wanted === true ? await startKafka({ settings: access }) : { missing: wanted }

if ('missing' in server) test('a broker that says no', (context) => context.skip(server.missing))
else describe('a broker that says no', () => onBroker(server))

function onBroker(server: KafkaServer): void {
  const data = mkdtempSync(join(tmpdir(), 'callhouse-kafka-'))
  let stores: Stores
  let cluster: KafkaCluster
  const list = (verb: '--add' | '--remove', what: string[]): Promise<void> =>
    server.tool('kafka.admin.AclCommand', [
      ...['--bootstrap-server', server.brokers[0]!, verb, '--force', '--deny-principal', 'User:ANONYMOUS', '--operation', 'Read'],
      ...what,
    ])

  beforeAll(async () => {
    cluster = await openRealCluster(server)
    stores = await openStores(normalizeConfig({ data }))
  }, 120_000)
  afterAll(async () => {
    await stores.close()
    await cluster.stop()
    rmSync(data, { recursive: true, force: true })
  })

  test.each([
    ['group', ['--group', 'refused-group']],
    ['topic', ['--topic', 'refused-topic']],
  ])('to the %s', { timeout: 90_000 }, async (what, resource) => {
    const topic = `refused-${what}`
    await cluster.createTopic(topic)
    await cluster.produce(topic, [{ key: 'a', value: 'not a record' }])
    await list('--add', resource)
    const source = { id: 'kafka', tenant: topic, kind: 'kafka', brokers: cluster.brokers, topics: [topic], group_id: topic }
    const open = await openSource(stores, normalizeConfig({ sources: [source] }).sources[0]!)
    const stop = new AbortController()
    const pull = (onBatch?: SourceRun['onBatch']) => pullOnce(stores, open, openLog('silent'), stop.signal, onBatch)
    await expect(pull()).rejects.toMatchObject({
      code: 'kafka_forbidden',
      message: expect.stringMatching(new RegExp(`as group "${topic}".*${what} authorization failed`, 'i')),
    })
    const [failed] = await listRuns(stores.control, { tenant_id: topic })
    expect(failed).toMatchObject({ status: 'failed', inputs: 0, error: expect.stringContaining(topic) })

    await list('--remove', resource)
    expect(await pull(() => stop.abort())).toMatchObject({ inputs: 1, rejected: 1 })
  })
}
