import { expect, test } from 'vitest'
import { loadModels, parseModel } from './load-models.ts'

const header = '-- builds: fact_x\n-- meaning: something\n-- grain: bucket_start, queue_id\n-- from: calls\n'
const select = 'SELECT 1 FROM calls WHERE (tenant_id, anchor_day) IN {calls_anchors:Array(Tuple(String, Date))}'

test('a model is its header and its SELECT', () => {
  expect(parseModel('x.sql', `${header}${select}\n`)).toEqual({
    fact: 'fact_x',
    meaning: 'something',
    grain: ['bucket_start', 'queue_id'],
    from: ['calls'],
    select,
  })
})

test('a mistake in a model is named by file and line, and by what is missing', () => {
  expect(() => parseModel('x.sql', `-- build: fact_x\n${select}`)).toThrow('x.sql:1: expected "-- builds|meaning|grain|from: …" in the header.')
  expect(() => parseModel('x.sql', `${header.replace(/-- grain.*\n/, '')}${select}`)).toThrow('x.sql: the header has no "-- grain:" line.')
  expect(() => parseModel('x.sql', `${header}SELECT 1 FROM calls`)).toThrow(
    'reads calls but never limits it with {calls_anchors:Array(Tuple(String, Date))}',
  )
})

test('every model of the project reads, and each fact is built by one', () => {
  const facts = loadModels().map(({ fact }) => fact)
  expect(facts).toEqual(['fact_agents', 'fact_calls', 'fact_messages', 'fact_numbers', 'fact_queues', 'fact_usage'])
})
