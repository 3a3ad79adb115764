import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EncodedBatch } from './encode-batch.ts'
import { KafkaBatch } from './kafka-batch.ts'
import { loadKafka } from './kafka-client.ts'
import { readKafkaMessage } from './kafka-messages.ts'
import { checkExtent, positionsOf, readLedger } from './kafka-ledger.ts'
import { partitionOf } from './kafka-offsets.ts'

const message = (value: Buffer | string | null): Parameters<typeof readKafkaMessage>[0] => ({
  topic: 'cdr',
  partition: 3,
  offset: 41,
  value: typeof value === 'string' ? Buffer.from(value) : value,
})

test('a record keeps its version, and otherwise gets its offset as one', () => {
  const text = '{"entity":"calls","record":{"native_id":"c1","version":7,"cost":0.10}}'
  expect(readKafkaMessage(message(text))).toEqual({
    record: { entity: 'calls', record: { native_id: 'c1', version: 7, cost: 0.1, payload: text }, position: 'cdr/3/41', input: text },
  })
  expect(readKafkaMessage(message('{"entity":"calls","record":{"native_id":"c1","payload":"own"}}'))).toMatchObject({
    record: { record: { version: 41, payload: 'own' } },
  })
})

test("a message's body goes no further", () => {
  expect(JSON.stringify(readKafkaMessage(message('{"entity":"messages","record":{"native_id":"m","body":"hello Bob"}}')))).not.toContain('hello Bob')
  const refused = readKafkaMessage(message('{"entity":"messages","record":{"native_id":"","body":"hello Bob","segments":1e999}}'))
  expect(refused).toMatchObject({ reject: { payload: '{"entity":"messages","record":{"native_id":"","segments":1e999}}' } })
  const deep = `{"entity":"messages","record":{"native_id":"m","body":"x","deep":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`
  expect(readKafkaMessage(message(deep))).toMatchObject({ record: { record: { native_id: 'm' } } })
})

test('a refused record is kept as the whole message, whatever payload it brought', () => {
  const batch = new EncodedBatch({ tenant_id: 't', source_id: 's', observed_at: '2026-11-23 00:00:00.000' })
  const given = [
    '{"entity":"calls","record":{"native_id":"c1","payload":"own"}}',
    '{"entity":"call_events","record":{"native_id":"c1","occurred_at":0,"kind":"x","is_deleted":"true"}}',
    '{"entity":"call_events","record":{"native_id":"\\ud800","occurred_at":0,"kind":"x"}}',
  ]
  for (const [offset, text] of given.entries()) {
    const read = readKafkaMessage({ ...message(text), offset })
    if ('record' in read) batch.add(read.record)
  }
  expect(batch.rejects.map(({ payload }) => payload)).toEqual(given)
  expect(batch.rejects.map(({ code }) => code)).toEqual(['field_invalid', 'field_invalid', 'identity_missing'])
  expect(batch.rejected).toBe(3)
})

test.each<[string, Buffer | string | null, string]>([
  ['nothing', null, 'not_json'],
  ['half a message', '{"entity":', 'not_json'],
  ['not UTF-8', Buffer.from([0xff, 0xfe]), 'not_utf8'],
  ['a number', '42', 'unknown_entity'],
  ['no entity', '{}', 'unknown_entity'],
  ['an inherited entity', '{"entity":"constructor","record":{"native_id":"x"}}', 'unknown_entity'],
  ['no record', '{"entity":"calls"}', 'identity_missing'],
  ['no id', '{"entity":"calls","record":{}}', 'identity_missing'],
  ['a number as id', '{"entity":"calls","record":{"native_id":1}}', 'identity_missing'],
  ['a fractional version', '{"entity":"calls","record":{"native_id":"x","version":1.5}}', 'field_invalid'],
  ['too large a version', '{"entity":"calls","record":{"native_id":"x","version":17592186044416}}', 'field_invalid'],
])('%s is a reject with its position', (_, value, code) => {
  expect(readKafkaMessage(message(value))).toMatchObject({ reject: { code, position: 'cdr/3/41' } })
})

test('no bytes make it throw', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        fc.json(),
      ),
      (value) => void readKafkaMessage(message(value)),
    ),
    { numRuns: 1_000 },
  )
})

test('what a batch has read survives the ledger, topics with slashes included', async () => {
  const batch = new KafkaBatch({ tenant_id: 't', source_id: 's', observed_at: '2026-11-23 00:00:00.000' }, () => undefined)
  for (const offset of [5, 6, 9]) batch.add('a/b/0', 5, { topic: 'a/b', partition: 0, offset, value: Buffer.from(`m${offset}`) })
  batch.add('c/12', 0, { topic: 'c', partition: 12, offset: 3, value: null })
  expect(batch.inputs).toBe(4)
  const saved = new Map(positionsOf(batch).map(({ stream, next, fingerprint }) => [stream, { format: 2, next, fingerprint }]))
  const partitions = ['a/b/0', 'c/12', 'unknown/0'].map(partitionOf)
  expect(await readLedger(partitions, async (stream) => saved.get(stream))).toEqual(
    new Map([
      ['a/b/0', { next: 10, fingerprint: crc32('m9') }],
      ['c/12', { next: 4, fingerprint: 0 }],
    ]),
  )
})

test.each([
  [{ format: 3, next: 5 }, 'newer Callhouse'],
  [{ format: 1, next: -1 }, 'cannot be read'],
  [{ format: 1 }, 'cannot be read'],
  [null, 'cannot be read'],
  ['5', 'cannot be read'],
])('a ledger of %j is an error, and not a beginning', async (saved, message) => {
  await expect(readLedger([{ topic: 'cdr', partition: 3 }], async () => saved)).rejects.toMatchObject({
    code: 'checkpoint_invalid',
    message: expect.stringContaining(message),
  })
})

test('a ledger within its topic is fine, one ahead of the end is an error, and one behind the beginning has missed some', () => {
  expect([5, 7, 9].map((next) => checkExtent('cdr/0', next, { low: 5, high: 9 }))).toEqual([0, 0, 0])
  expect(checkExtent('cdr/0', 2, { low: 5, high: 9 })).toBe(3)
  expect(() => checkExtent('cdr/0', 10, { low: 5, high: 9 })).toThrow(expect.objectContaining({ code: 'checkpoint_invalid' }))
})

test('without node-rdkafka the error says what to install', async () => {
  await expect(loadKafka(() => Promise.reject(new Error('Cannot find module')))).rejects.toMatchObject({
    code: 'dependency_missing',
    message: expect.stringContaining('npm install node-rdkafka'),
  })
})
