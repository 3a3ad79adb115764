import fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadKafka } from './kafka-client.ts'
import { readKafkaMessage } from './kafka-messages.ts'
import { checkExtent, positionsOf, readLedger } from './kafka-ledger.ts'
import { raise, toTopicPartitions } from './kafka-offsets.ts'
import { MessageBuffer } from './message-buffer.ts'

const message = (value: Buffer | string | null): Parameters<typeof readKafkaMessage>[0] => ({
  topic: 'cdr',
  partition: 3,
  offset: 41,
  value: typeof value === 'string' ? Buffer.from(value) : value,
})

test('a record keeps its version, and otherwise gets its offset as one', () => {
  const text = '{"entity":"calls","record":{"native_id":"c1","version":7,"cost":0.10}}'
  expect(readKafkaMessage(message(text))).toEqual({
    record: { entity: 'calls', record: { native_id: 'c1', version: 7, cost: 0.1, payload: text }, position: 'cdr/3/41' },
  })
  expect(readKafkaMessage(message('{"entity":"calls","record":{"native_id":"c1","payload":"own"}}'))).toMatchObject({
    record: { record: { version: 41, payload: 'own' } },
  })
})

test("a message's body goes no further", () => {
  expect(JSON.stringify(readKafkaMessage(message('{"entity":"messages","record":{"native_id":"m","body":"hello Bob"}}')))).not.toContain('hello Bob')
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

test('offsets survive the ledger, topics with slashes included, and are never lowered', async () => {
  const offsets = new Map([
    ['a/b/0', 5],
    ['c/12', 9],
  ])
  const saved = new Map(positionsOf(offsets).map(({ stream, next }) => [stream, { format: 1, next }]))
  const partitions = toTopicPartitions(offsets)
  expect(partitions[0]).toEqual({ topic: 'a/b', partition: 0, offset: 5 })
  expect(await readLedger([...partitions, { topic: 'unknown', partition: 0 }], async (stream) => saved.get(stream))).toEqual(offsets)
  raise(
    offsets,
    new Map([
      ['a/b/0', 3],
      ['c/12', 10],
      ['d/0', 0],
    ]),
  )
  expect([...offsets.values()]).toEqual([5, 10, 0])
})

test.each([
  [{ format: 2, next: 5 }, 'newer Callhouse'],
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

test('the buffer hands out everything once, in order, and its bytes add up', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.array(fc.nat(500), { maxLength: 5 }), fc.nat(3_000))), (steps) => {
      const buffer = new MessageBuffer<{ size: number; n: number }>(2_000)
      const pushed: number[] = []
      const taken: number[] = []
      for (const step of steps) {
        if (typeof step === 'number') taken.push(...buffer.take(step).map(({ n }) => n))
        else buffer.push(step.map((size) => ({ size, n: pushed.push(pushed.length) - 1 })))
      }
      taken.push(...buffer.take(Infinity).map(({ n }) => n))
      expect(taken).toEqual(pushed)
      expect(buffer.bytes).toBe(0)
    }),
  )
})

test('without node-rdkafka the error says what to install', async () => {
  await expect(loadKafka(() => Promise.reject(new Error('Cannot find module')))).rejects.toMatchObject({
    code: 'dependency_missing',
    message: expect.stringContaining('npm install node-rdkafka'),
  })
})
