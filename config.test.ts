import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig, normalizeConfig } from './config.ts'
import { CallhouseError } from './errors.ts'

function mistakesOf(raw: unknown, env: Record<string, string> = {}): string[] {
  try {
    normalizeConfig(raw, env)
  } catch (thrown) {
    if (thrown instanceof CallhouseError) return thrown.details!['mistakes'] as string[]
    throw thrown
  }
  return []
}

test('nothing given is a complete config', () => {
  const config = normalizeConfig({})
  expect(config.api).toEqual({ host: '127.0.0.1', port: 8080, admin_key: undefined })
  expect(config.database_url).toBeUndefined()
  expect(Object.isFrozen(config.api)).toBe(true)
})

test('every mistake is reported together, with the path of its key', () => {
  const mistakes = mistakesOf({
    datadir: './data',
    api: { port: 'high', colour: 'red' },
    sources: [
      { id: 'A B', kind: 'asterisk', time_zone: 'Mars/Olympus', cron: 'every day' },
      { id: 'x', kind: 'carrier-pigeon' },
    ],
  })
  expect(mistakes.map((mistake) => mistake.split(':')[0])).toEqual([
    'datadir',
    'api.colour',
    'api.port',
    'sources[0].id',
    'sources[0].time_zone',
    'sources[0].cron',
    'sources[0].path',
    'sources[1].kind',
  ])
})

test('secrets come from the environment, and one that is not set is a mistake', () => {
  const source = { id: 'telco', kind: 'pretend', url: 'http://127.0.0.1:9', token: '${TELCO_TOKEN}' }
  expect(normalizeConfig({ sources: [source] }, { TELCO_TOKEN: 'abc' }).sources[0]!.options['token']).toBe('abc')
  expect(mistakesOf({ sources: [source] })).toEqual(['sources[0].token: the environment variable TELCO_TOKEN is not set'])
})

test('the nightly checks have times, which can be changed; a wrong one is a mistake', () => {
  expect(normalizeConfig({})).toMatchObject({ reconcile_cron: '15 3 * * *', verify_cron: '45 3 * * *' })
  expect(normalizeConfig({ verify_cron: '0 5 * * 0' }).verify_cron).toBe('0 5 * * 0')
  expect(mistakesOf({ reconcile_cron: 'nightly', verify_cron: 7 }).map((mistake) => mistake.split(':')[0])).toEqual(['verify_cron', 'reconcile_cron'])
})

test('the environment wins over the file', () => {
  const config = normalizeConfig({ api: { port: 1 }, data: 'a' }, { CALLHOUSE_PORT: '9090', CALLHOUSE_DATA: '/b' })
  expect(config.api.port).toBe(9090)
  expect(config.data).toBe('/b')
})

test('metrics have a port of their own only where one is given', () => {
  expect(normalizeConfig({}).metrics).toEqual({ host: '127.0.0.1', port: undefined })
  expect(normalizeConfig({ metrics: { port: 1, host: '::' } }, { CALLHOUSE_METRICS_PORT: '9464' }).metrics).toEqual({ host: '::', port: 9464 })
  expect(mistakesOf({ metrics: { port: -1, key: 'x' } }).map((mistake) => mistake.split(':')[0])).toEqual(['metrics.key', 'metrics.port'])
})

test('a variable that is set to nothing is not set', () => {
  const config = normalizeConfig({ api: { port: 1 } }, { CALLHOUSE_PORT: '', CALLHOUSE_ADMIN_KEY: '', CALLHOUSE_DATABASE_URL: '' })
  expect(config.api).toMatchObject({ port: 1, admin_key: undefined })
  expect(config.database_url).toBeUndefined()
})

test('the same source twice in one tenant is a mistake, in two tenants it is not', () => {
  const source = { id: 'pbx', kind: 'asterisk', path: '/x' }
  expect(mistakesOf({ sources: [source, source] })).toHaveLength(1)
  expect(mistakesOf({ sources: [source, { ...source, tenant: 'other' }] })).toEqual([])
})

test('a file that is not YAML, or a named file that is not there, says so', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'callhouse-config-')), 'callhouse.yaml')
  expect(() => loadConfig({ file, env: {}, required: true })).toThrow(/No config at/)
  writeFileSync(file, 'api: {port: 1')
  expect(() => loadConfig({ file, env: {} })).toThrow(/is not YAML/)
})

test('the example config is valid', () => {
  const config = loadConfig({ file: join(import.meta.dirname, 'callhouse.example.yaml'), env: {} })
  expect(config.sources.map(({ kind }) => kind)).toEqual(['asterisk'])
})
