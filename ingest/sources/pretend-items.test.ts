import { expect, test } from 'vitest'
import type { EntityName } from '../records/index.ts'
import { readPretendPage } from './pretend-items.ts'

const times = '"created_at":"2026-02-01T00:00:00Z","updated_at":"2026-02-01T00:00:00Z"'
const read = (entity: EntityName, ...items: string[]) =>
  readPretendPage(`{"items":[${items.join(',')}],"next_cursor":null,"as_of":"2026-03-01T00:00:00Z"}`, entity, 'http://localhost')

test('half a character is no id: stored, two of them would be one', () => {
  for (const entity of ['calls', 'recordings'] as const) {
    const { records, rejects } = read(entity, `{"id":"\\ud800",${times}}`, `{"id":"\\ud801",${times}}`)
    expect(records).toEqual([])
    expect(rejects).toMatchObject([{ code: 'identity_missing' }, { code: 'identity_missing' }])
    expect(rejects[0]!.position).not.toBe(rejects[1]!.position)
  }
})

test('deleted is true, false or not there; anything else is no answer', () => {
  const deleted = (value: string) => read('calls', `{"id":"a","deleted":${value},${times}}`)
  expect(deleted('true').records).toMatchObject([{ record: { is_deleted: true } }])
  for (const value of ['false', 'null']) expect(deleted(value).records).toMatchObject([{ record: { is_deleted: false } }])
  for (const value of ['"true"', '1', '{}'])
    expect(deleted(value).rejects).toMatchObject([{ code: 'field_invalid', reason: 'deleted is not true or false' }])
})

test('two contents of one id and version stand at positions of their own, should they be refused after all', () => {
  const { records } = read('calls', `{"id":"a","direction":"up",${times}}`, `{"id":"a","direction":"down",${times}}`)
  expect(records[0]!.position).toMatch(/^calls\/[0-9a-f]{64}$/)
  expect(records[0]!.position).not.toBe(records[1]!.position)
})

test('a message is kept as it came, however deeply nested, but without its body', () => {
  const deep = '['.repeat(50_000) + ']'.repeat(50_000)
  const { records } = read('messages', `{"id":"m","bo\\u0064y":"secret","deep":${deep},"price":1e999,${times}}`)
  expect(records[0]!.record.payload).toBe(`{"id":"m","deep":${deep},"price":1e999,${times}}`)
})
