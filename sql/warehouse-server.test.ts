import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWarehouse } from './warehouse.ts'
import { serveWarehouse } from './warehouse-server.ts'

const secret = 'a secret: with a colon'
const basic = `Basic ${Buffer.from(`default:${secret}`).toString('base64')}`

describe('serveWarehouse', () => {
  let path: string
  let server: { url: string; close(): Promise<void> }
  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), 'callhouse-test-'))
    server = await serveWarehouse({ path, database: 'callhouse', port: 0, secret })
  })
  afterAll(async () => {
    await server.close()
    await rm(path, { recursive: true, force: true })
  })
  const ask = async (target: string, init: RequestInit = {}): Promise<Response> =>
    await fetch(`${server.url}${target}`, { ...init, headers: { Authorization: basic, ...(init.headers as Record<string, string>) } })

  test('does not start without a secret, nor on an open address', async () => {
    await expect(serveWarehouse({ path, database: 'callhouse', port: 0, secret: '' })).rejects.toMatchObject({ code: 'config_missing' })
    await expect(serveWarehouse({ path, database: 'callhouse', port: 0, secret, host: '0.0.0.0' })).rejects.toMatchObject({ code: 'config_invalid' })
  })

  test.each(['/', '/ping'])('answers GET %s without credentials', async (target) => {
    const response = await fetch(`${server.url}${target}`)
    expect([response.status, await response.text()]).toEqual([200, 'Ok.\n'])
  })

  test.each([
    ['no credentials', {}, 403],
    ['a wrong password', { Authorization: `Basic ${Buffer.from('default:wrong').toString('base64')}` }, 403],
    ['another user', { Authorization: `Basic ${Buffer.from(`root:${secret}`).toString('base64')}` }, 403],
    ['the key header', { 'X-ClickHouse-User': 'default', 'X-ClickHouse-Key': secret }, 200],
    ['basic', { Authorization: basic }, 200],
  ])('with %s', async (_, headers, status) => {
    const response = await fetch(server.url, { method: 'POST', body: 'SELECT 1', headers: headers as Record<string, string> })
    expect(response.status).toBe(status)
    expect(response.headers.get('x-clickhouse-exception-code')).toBe(status === 403 ? '516' : null)
    expect(await response.text()).toMatch(status === 403 ? /^Code: 516\. DB::Exception: .*\(AUTHENTICATION_FAILED\)/ : /^1\n$/)
  })

  test('joins the query parameter and the body, and names the format', async () => {
    const response = await ask('/?query=SELECT%20{x:String}%20AS&param_x=it%5C%27s&default_format=JSONEachRow&query_id=q1', {
      method: 'POST',
      body: 'x',
    })
    expect(await response.text()).toBe('{"x":"it\'s"}\n')
    expect(response.headers.get('x-clickhouse-format')).toBe('JSONEachRow')
    expect(response.headers.get('x-clickhouse-query-id')).toBe('q1')
    expect(JSON.parse(response.headers.get('x-clickhouse-summary')!)).toHaveProperty('elapsed_ns')
  })

  test('GET may read and may not write', async () => {
    expect(await (await ask('/?query=SELECT%202')).text()).toBe('2\n')
    const write = await ask('/?query=CREATE%20TABLE%20g%20(a%20UInt8)%20ENGINE%20%3D%20Memory')
    expect([write.status, write.headers.get('x-clickhouse-exception-code')]).toEqual([400, '164'])
  })

  test('tells errors as ClickHouse does', async () => {
    const response = await ask('/', { method: 'POST', body: 'SELECT * FROM nothing_here' })
    expect([response.status, response.headers.get('x-clickhouse-exception-code')]).toEqual([404, '60'])
    expect(await response.text()).toMatch(/^Code: 60\. DB::Exception: .*nothing_here.*\(UNKNOWN_TABLE\) \(version .*\)\n$/s)
    expect((await ask('/elsewhere', { method: 'POST', body: 'SELECT 1' })).status).toBe(404)
    expect((await ask('/', { method: 'DELETE' })).status).toBe(405)
  })

  test('takes compressed bodies', async () => {
    const response = await ask('/', { method: 'POST', body: new Uint8Array(gzipSync('SELECT 3')), headers: { 'Content-Encoding': 'gzip' } })
    expect(await response.text()).toBe('3\n')
    expect((await ask('/', { method: 'POST', body: 'SELECT 3', headers: { 'Content-Encoding': 'lz4' } })).status).toBe(400)
  })

  test('the client compresses both ways', async () => {
    const client = createClient({
      url: server.url,
      password: secret,
      database: 'callhouse',
      compression: { request: true, response: true },
      log: { level: ClickHouseLogLevel.OFF },
    })
    await client.command({ query: 'CREATE TABLE packed (a UInt32, b String) ENGINE = MergeTree ORDER BY a' })
    await client.insert({ table: 'packed', values: Array.from({ length: 5000 }, (_, a) => ({ a, b: 'b'.repeat(50) })), format: 'JSONEachRow' })
    for (const query of ['SELECT a FROM packed ORDER BY a', 'SELECT a FROM (SELECT a FROM packed) ORDER BY a']) {
      const rows = await (await client.query({ query, format: 'JSONEachRow' })).json<{ a: number }>()
      expect(rows.map((row) => row.a)).toEqual(Array.from({ length: 5000 }, (_, a) => a))
    }
    await expect(client.query({ query: 'SELECT nope' })).rejects.toMatchObject({ code: '47' })
    await client.close()
  })

  test('a response that fails midway does not end as if it were whole', async () => {
    const body = 'SELECT throwIf(number = 3000000), number FROM numbers(4000000) SETTINGS max_threads = 1'
    const response = await ask('/', { method: 'POST', body })
    expect(response.status).toBe(200)
    await expect(response.text()).rejects.toThrow()
  })

  test('a wrong password is a clear error to openWarehouse, and so is an absent server', async () => {
    await expect(openWarehouse({ url: server.url, password: 'wrong', database: 'callhouse', path })).rejects.toMatchObject({
      code: 'warehouse_unavailable',
    })
    await expect(openWarehouse({ url: 'http://127.0.0.1:9', database: 'callhouse', path })).rejects.toMatchObject({ code: 'warehouse_unavailable' })
  })

  test('creates another database for whoever asks for one', async () => {
    const warehouse = await openWarehouse({ url: server.url, password: secret, database: 'callhouse_two', path })
    const result = await warehouse.query({ query: 'SELECT currentDatabase() AS d', format: 'JSONEachRow' })
    expect(await result.json()).toEqual([{ d: 'callhouse_two' }])
    await warehouse.close()
  })
})
