/** Who gets in, who does not, and that nobody sees another tenant's rows. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { createKey, revokeKey } from '../../sql/api-keys.ts'
import { ADMIN_KEY, NOW, openWorld, tenants, type World } from '../test-world.ts'
import { exportTables, recordTables } from '../tables.ts'
import { KEY_CACHE_MS } from './auth.ts'

let world: World
let app: FastifyInstance
let now_ms = NOW

beforeAll(async () => {
  world = await openWorld()
  app = world.server({
    now: () => now_ms,
    extend: (api) => api.get('/v1/admin-only', { config: { scope: 'admin' }, schema: { response: { 200: Type.Unknown() } } }, () => ({ ok: true })),
  })
})
afterAll(async () => {
  await app.close()
  await world.close()
})

const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers })
const bearer = (key: string, tenant?: string) => ({ authorization: `Bearer ${key}`, ...(tenant ? { 'x-callhouse-tenant': tenant } : {}) })

describe('the key', () => {
  it.each([
    ['Bearer', (key: string) => ({ authorization: `Bearer ${key}` })],
    ['Basic, as the password', (key: string) => ({ authorization: `Basic ${Buffer.from(`anyone:${key}`).toString('base64')}` })],
    ['X-API-Key', (key: string) => ({ 'x-api-key': key })],
  ])('is taken as %s', async (_name, headers) => {
    expect((await get('/v1/metrics', headers(world.keys.acme))).statusCode).toBe(200)
  })

  it.each([
    ['none', {}],
    ['an empty one', { authorization: 'Bearer ' }],
    ['a wrong one', { authorization: 'Bearer cdr_live_wrong' }],
    ['almost the admin key', { authorization: `Bearer ${ADMIN_KEY}x` }],
    ['another scheme', { authorization: `Digest ${ADMIN_KEY}` }],
  ])('is refused: %s', async (_name, headers) => {
    const answer = await get('/v1/metrics', headers)
    expect(answer.statusCode).toBe(401)
    expect(answer.headers['www-authenticate']).toContain('Bearer')
    expect(answer.json()).toMatchObject({ code: 'unauthorized', status: 401 })
  })

  it('needs the scope of the route', async () => {
    const { key } = await createKey(world.control, { tenant_id: 'acme', name: 'loader', scopes: ['ingest'] })
    const answer = await get('/v1/query', bearer(key))
    expect([answer.statusCode, answer.json().code, answer.json().scope]).toEqual([403, 'forbidden', 'read'])
    expect((await get('/v1/admin-only', bearer(world.keys.acme))).statusCode).toBe(403)
    expect((await get('/v1/admin-only', bearer(ADMIN_KEY, 'acme'))).statusCode).toBe(200)
  })

  it('stops working within the cache time after it is revoked', async () => {
    const { id, key } = await createKey(world.control, { tenant_id: 'acme', name: 'short', scopes: ['read'] })
    expect((await get('/v1/metrics', bearer(key))).statusCode).toBe(200)
    await revokeKey(world.control, id)
    now_ms += KEY_CACHE_MS
    expect((await get('/v1/metrics', bearer(key))).statusCode).toBe(401)
  })

  it('stops working the moment it expires, cached or not', async () => {
    const { key } = await createKey(world.control, {
      tenant_id: 'acme',
      name: 'brief',
      scopes: ['read'],
      expires_at: new Date(Date.now() + 86_400_000),
    })
    expect((await get('/v1/metrics', bearer(key))).statusCode).toBe(200)
    const before = now_ms
    now_ms = Date.now() + 86_400_001
    expect((await get('/v1/metrics', bearer(key))).statusCode).toBe(401)
    now_ms = before
  })
})

describe('the tenant', () => {
  it.each([
    ['the admin key without one, while there are two', bearer(ADMIN_KEY), 400, 'tenant_required'],
    ['the admin key with an unknown one', bearer(ADMIN_KEY, 'nobody'), 404, 'tenant_unknown'],
  ])('is asked for: %s', async (_name, headers, status, code) => {
    const answer = await get('/v1/metrics', headers)
    expect([answer.statusCode, answer.json().code]).toEqual([status, code])
  })

  it('of another cannot be named with a key of one’s own', async () => {
    const answer = await get('/v1/metrics', bearer(world.keys.acme, 'globex'))
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'forbidden'])
    expect((await get('/v1/metrics', bearer(world.keys.acme, 'acme'))).statusCode).toBe(200)
  })

  const range = 'from=2026-03-01&to=2026-03-06'
  const urls = [
    ...recordTables.map((name) => `/v1/records/${name}?limit=1000&include=payload`),
    ...exportTables.map((name) => `/v1/export/${name}?format=jsonl`),
    ...exportTables.map((name) => `/v1/export/${name}?format=csv&${range}&include=payload`),
    `/v1/query?metrics=offered,answered&dimensions=queue,source&${range}`,
    `/v1/query?metrics=handled&dimensions=agent&${range}`,
    `/v1/query?metrics=offered&dimensions=queue&filter=queue:globex-queue-1,acme-queue-1&${range}&format=csv`,
    `/v1/reports/queue_performance?${range}`,
    `/v1/reports/agent_performance?${range}`,
    '/v1/live',
    '/v1/recordings/manifest',
    '/v1/recordings/manifest?format=nemo&queue=globex-queue-1',
    '/v1/recordings/globex-recording-1/audio',
    '/v1/records/calls?cursor=' + Buffer.from(JSON.stringify(['x', '2026-03-01', 'globex-pbx', 'globex-call-1'])).toString('base64url'),
  ]

  it('sees its own rows and no others, on any route', async () => {
    const seen = { acme: 0, globex: 0 }
    for (const [tenant, other] of [tenants, [...tenants].reverse()] as ['acme' | 'globex', string][])
      for (const headers of [bearer(world.keys[tenant]), bearer(ADMIN_KEY, tenant)])
        for (const url of urls) {
          const { body, statusCode } = await get(url, headers)
          // Another tenant's cursor and recording are errors, in which a name that the request itself held may come back.
          expect(statusCode, `${tenant}: ${url}\n${body}`).toBe(/cursor=/.test(url) ? 400 : url.includes('/audio') ? 404 : 200)
          if (statusCode === 200) expect(body.includes(other), `${tenant}: ${url}`).toBe(false)
          if (statusCode === 200 && body.includes(tenant)) seen[tenant]++
        }
    // The check can fail: most of these answers do hold rows.
    expect(seen.acme).toBeGreaterThan(40)
    expect(seen.globex).toBeGreaterThan(40)
  })
})

describe('/metrics', () => {
  it('takes the admin key, without a tenant', async () => {
    expect((await get('/metrics')).statusCode).toBe(401)
    expect((await get('/metrics', bearer(world.keys.acme))).statusCode).toBe(403)
    const answer = await get('/metrics', bearer(ADMIN_KEY))
    expect(answer.statusCode).toBe(200)
    expect(answer.body).toContain('callhouse_http_request_duration_seconds_bucket')
    expect(answer.body).toContain('route="/v1/records/:entity"')
  })

  it('is open where the configuration says so', async () => {
    const open = world.server({ config: { host: '', port: 0, openMetrics: true } })
    expect((await open.inject('/metrics')).statusCode).toBe(200)
    await open.close()
  })
})

it('refuses to start with a route that declares no scope', async () => {
  const careless = world.server({ extend: (api) => api.get('/v1/careless', () => 'open') })
  await expect(careless.ready()).rejects.toThrow('declares no scope')
})
