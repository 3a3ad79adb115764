import { expect, test } from 'vitest'
import { createSource } from './index.ts'

test.each([
  { id: 'a', tenant: 'acme', kind: 'pretend', url: 'http://127.0.0.1:1', token: 't' },
  { id: 'b', tenant: 'acme', kind: 'asterisk', path: '/var/log/asterisk' },
  { id: 'c', tenant: 'acme', kind: 'kafka', brokers: ['127.0.0.1:1'], topics: ['cdr'], group_id: 'callhouse' },
  { id: 'd', tenant: 'acme', kind: 'freeswitch' },
  { id: 'e', tenant: 'acme', kind: 'amazon-connect', path: '/var/lib/connect' },
  { id: 'twilio', tenant: 'acme', kind: 'twilio', account_sid: `AC${'1'.repeat(32)}`, auth_token: 't' },
])('$kind', (config) => {
  expect(createSource(config)).toMatchObject({ kind: config.kind, entities: expect.arrayContaining(['calls']) })
})

test('an unknown kind is refused by the name of its source', () => {
  expect(() => createSource({ id: 'x', tenant: 'acme', kind: 'fax' })).toThrow(
    expect.objectContaining({ code: 'config_invalid', message: expect.stringContaining('"x"') }),
  )
})
