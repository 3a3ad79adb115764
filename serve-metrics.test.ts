/** The port of a process without the API: three pages, and nothing else. */
import { Gauge, Registry } from 'prom-client'
import { afterEach, expect, test } from 'vitest'
import type { ReadinessReport } from './api/readiness.ts'
import { serveMetrics, type MetricsServerOptions } from './serve-metrics.ts'

const down: ReadinessReport = {
  ready: false,
  degraded: true,
  checks: { warehouse: 'ok', sources: '1 of 1 cannot be read; "sources" says why' },
  sources: [{ tenant: 'acme', source: 'pbx', state: 'failing', since: '2026-11-01T00:00:00.000Z', code: 'source_rejected', failures: 1 }],
}
const open: { close(): Promise<void> }[] = []
afterEach(() => Promise.all(open.splice(0).map((server) => server.close())))

async function serve(options: Partial<MetricsServerOptions> = {}): Promise<(path: string, init?: RequestInit) => Promise<Response>> {
  const registry = new Registry()
  new Gauge({ name: 'cdr_some_figure', help: 'For this test', registers: [registry] }).set(7)
  const server = await serveMetrics({ host: '127.0.0.1', port: 0, admin_key: undefined, registry, ready: async () => down, ...options })
  open.push(server)
  return (path, init) => fetch(`${server.url}${path}`, init)
}

test('gives figures, readiness and liveness', async () => {
  const get = await serve()
  const figures = await get('/metrics?x=1')
  expect([figures.status, figures.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/plain')])
  const text = await figures.text()
  expect(text).toContain('cdr_some_figure 7')
  expect(text).toContain('process_resident_memory_bytes')
  const ready = await get('/readyz')
  expect([ready.status, await ready.json()]).toEqual([503, down])
  expect((await get('/livez')).status).toBe(200)
  expect((await (await serve({ ready: async () => ({ ready: true, checks: {} }) }))('/readyz')).status).toBe(200)
})

test('serves nothing else', async () => {
  const get = await serve()
  for (const path of ['/', '/v1/query', '/docs', '/metrics/', '//metrics']) expect((await get(path)).status, path).toBe(404)
  for (const method of ['POST', 'DELETE', 'OPTIONS']) expect((await get('/metrics', { method })).status, method).toBe(405)
  const head = await get('/metrics', { method: 'HEAD' })
  expect([head.status, await head.text()]).toEqual([200, ''])
})

test('with an admin key, figures and names of sources are for whoever has it; probes need none', async () => {
  const get = await serve({ admin_key: 'an-admin-key-for-tests' })
  const key = { headers: { authorization: 'Bearer an-admin-key-for-tests' } }
  expect((await get('/metrics')).status).toBe(401)
  expect((await get('/metrics', { headers: { authorization: 'Bearer another' } })).status).toBe(401)
  expect((await get('/metrics', key)).status).toBe(200)
  expect((await get('/livez')).status).toBe(200)
  expect(await (await get('/readyz', key)).json()).toEqual(down)
  const seen = (await (await get('/readyz')).json()) as ReadinessReport
  expect(seen.sources).toEqual([{ state: 'failing', since: '2026-11-01T00:00:00.000Z', code: 'source_rejected', failures: 1 }])
  expect(JSON.stringify(seen)).not.toMatch(/acme|pbx/)
})

test('what cannot be read is unready, and the process goes on', async () => {
  const get = await serve({ ready: () => Promise.reject(new Error('postgres://user:password@host')) })
  const answer = await get('/readyz')
  expect([answer.status, await answer.text()]).toEqual([503, 'cannot be read now\n'])
  expect((await get('/livez')).status).toBe(200)
})

test('a port that is taken is a mistake of the configuration', async () => {
  const first = await serveMetrics({ host: '127.0.0.1', port: 0, admin_key: undefined, registry: new Registry(), ready: async () => down })
  open.push(first)
  await expect(serve({ port: Number(new URL(first.url).port) })).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('CALLHOUSE_METRICS_PORT') as string,
  })
})
