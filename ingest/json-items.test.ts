import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sliceItems, withoutMember } from './json-items.ts'

test('each slice parses to its item, whatever the JSON and its spacing', () => {
  const spacing = fc.constantFrom(undefined, 1, 2, '\t', '\n')
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()), spacing, fc.boolean(), (items, others, indent, is_first) => {
      const page = is_first ? { items, ...without(others) } : { ...without(others), items }
      const slices = sliceItems(JSON.stringify(page, null, indent), 'items')
      expect(slices?.map((slice) => JSON.parse(slice) as unknown)).toEqual(JSON.parse(JSON.stringify(items)))
    }),
    { numRuns: 300 },
  )
})

const without = (others: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(others).filter(([key]) => key !== 'items' && key !== '__proto__'))

test('digits and key order stay as they came', () => {
  expect(sliceItems(' { "x" : [ 1 ] , "items" : [ {"b":0.10,"a":12345678901234567890} , "\\\\" ] } ', 'items')).toEqual([
    '{"b":0.10,"a":12345678901234567890}',
    '"\\\\"',
  ])
})

test('a key may be written with escapes', () => {
  expect(sliceItems('{"it\\u0065ms":[1]}', 'items')).toEqual(['1'])
  expect(sliceItems('{"items":[1],"\\u0069tems":[2]}', 'items')).toEqual(['2'])
  expect(sliceItems('{"items\\u0000":[1]}', 'items')).toBeUndefined()
})

test('the last of repeated keys counts, as for JSON.parse', () => {
  expect(sliceItems('{"items":[1],"items":[2,3]}', 'items')).toEqual(['2', '3'])
  expect(sliceItems('{"items":[1],"items":7}', 'items')).toBeUndefined()
  expect(sliceItems('{"nested":{"items":[1]}}', 'items')).toBeUndefined()
})

test('without a member an object is what it was without it, whatever else is in it', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), fc.constantFrom(undefined, 1, '\t'), (others, body, indent) => {
      const text = JSON.stringify({ entity: 'messages', record: { ...without(others), body }, body: 1 }, null, indent)
      const { body: _body, ...kept } = JSON.parse(JSON.stringify(without(others))) as Record<string, unknown>
      expect(JSON.parse(withoutMember(text, ['record', 'body']))).toEqual({ entity: 'messages', record: kept, body: 1 })
    }),
  )
  expect(withoutMember(' { "a" : 1e999 , "bo\\u0064y" : "x", "body":{"body":[]} , "b":0.10}\n', ['body'])).toBe('{"a" : 1e999,"b":0.10}')
  expect(withoutMember('{"body":1}', ['body'])).toBe('{}')
  expect(withoutMember('{"record":[{"body":1}]}', ['record', 'body'])).toBe('{"record":[{"body":1}]}')
})
