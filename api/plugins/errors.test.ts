/** Every mistake a client can make is answered in our words, with a stable code; every failure of ours, without details. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FastifyInstance } from 'fastify'
import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { pino } from 'pino'
import { loggerOptions } from '../logger.ts'
import type { Problem } from './errors.ts'
import { openWorld, type World } from '../test-world.ts'

let world: World
let app: FastifyInstance
beforeAll(async () => {
  world = await openWorld()
  app = world.server()
})
afterAll(async () => {
  await app.close()
  await world.close()
})

const ask = (url: string, headers: Record<string, string> = {}, server = app) =>
  server.inject({ url, headers: { authorization: `Bearer ${world.keys.acme}`, ...headers } })
const range = 'from=2026-03-01&to=2026-03-06'

describe('a client’s mistake', () => {
  it.each([
    ['/v1/query?metrics=offerd&' + range, 400, 'metric_unknown', 'offered'],
    ['/v1/query?metrics=offered&dimensions=que&' + range, 400, 'dimension_unknown', 'queue'],
    ['/v1/query?metrics=offered&dimensions=campaign&' + range, 400, 'dimension_incompatible', 'campaign'],
    ['/v1/query?metrics=offered&filter=queue&' + range, 400, 'filter_invalid', 'dimension:value'],
    ['/v1/query?metrics=offered&from=2026-03-06&to=2026-03-01', 400, 'range_invalid', 'before'],
    ['/v1/query?metrics=offered&from=yesterday&to=2026-03-01', 400, 'range_invalid', 'from'],
    ['/v1/query?metrics=offered&grain=15m&from=2016-01-01&to=2026-01-01', 422, 'query_too_large', 'grain='],
    ['/v1/query?metrics=offered&tz=Mars/Olympus&' + range, 400, 'zone_unknown', 'IANA'],
    ['/v1/query?' + range, 400, 'bad_request', '"metrics"'],
    ['/v1/query?metrics=offered&to=2026-03-01', 400, 'bad_request', '"from"'],
    ['/v1/query?metrics=offered&colour=red&' + range, 400, 'bad_request', '"colour"'],
    ['/v1/query?metrics=offered&threshold_ms=soon&' + range, 400, 'bad_request', '"threshold_ms"'],
    ['/v1/query?metrics=offered&threshold_ms=1&threshold_s=1&' + range, 400, 'bad_request', 'not both'],
    ['/v1/query?metrics=offered&format=xml&' + range, 400, 'bad_request', 'json, csv, arrow'],
    ['/v1/reports/queue_performnce?' + range, 404, 'report_unknown', 'queue_performance'],
    ['/v1/records/call', 404, 'entity_unknown', 'calls'],
    ['/v1/records/fact_queues', 404, 'entity_unknown', 'queues'],
    ['/v1/records/calls;DROP TABLE calls', 404, 'entity_unknown', 'Known'],
    ['/v1/export/fact_queue', 404, 'entity_unknown', 'fact_queues'],
    ['/v1/export/dead_letters', 404, 'entity_unknown', 'Known'],
    ['/v1/records/calls?limit=1001', 400, 'bad_request', '"limit"'],
    ['/v1/records/calls?limit=0', 400, 'bad_request', '"limit"'],
    ['/v1/records/calls?cursor=nonsense', 400, 'cursor_invalid', 'next_cursor'],
    ['/v1/records/calls?from=2026-03-06&to=2026-03-01', 400, 'range_invalid', 'after'],
    ['/v1/records/calls?from=2026-02-30', 400, 'range_invalid', '"from"'],
    ['/v1/export/calls?tz=Nowhere', 400, 'zone_unknown', 'IANA'],
    ['/v1/recordings/nothing/audio', 404, 'not_found', 'recording'],
    ['/v1/nothing', 404, 'not_found', '/docs'],
    ['/v1/records/%E0%A4%A', 400, 'bad_request', ''],
  ])('%s → %i %s', async (url, status, code, hint) => {
    const answer = await ask(url)
    expect(answer.headers['content-type']).toContain('application/problem+json')
    const problem = answer.json()
    expect([answer.statusCode, problem.status, problem.code]).toEqual([status, status, code])
    expect(problem.detail).toContain(hint)
    expect(Object.keys(problem)).toEqual(expect.arrayContaining(['type', 'title', 'instance']))
  })

  it('names the type nobody can give', async () => {
    const answer = await ask('/v1/query?metrics=offered&' + range, { accept: 'application/xml' })
    expect([answer.statusCode, answer.json().code]).toEqual([406, 'not_acceptable'])
  })

  it('is told to slow down', async () => {
    const strict = world.server({ config: { host: '', port: 0, requestsPerMinute: 2 } })
    const codes = []
    for (let i = 0; i < 3; i++) codes.push((await ask('/v1/metrics', {}, strict)).statusCode)
    const answer = await ask('/v1/metrics', { authorization: 'Bearer wrong' }, strict)
    expect(codes).toEqual([200, 200, 429])
    expect([answer.json().code, Number(answer.headers['retry-after']) > 0]).toEqual(['rate_limited', true])
    expect((await strict.inject('/livez')).statusCode).toBe(200)
    await strict.close()
  })
})

describe('a failure of ours', () => {
  it('says nothing of the warehouse’s SQL or values to the client, and no digits to the log', async () => {
    const lines: string[] = []
    const logger = pino(loggerOptions, { write: (line: string) => lines.push(line) })
    const broken = world.server({
      logger,
      extend: (api) =>
        api.get('/v1/broken', { config: { scope: 'read' } }, async () => {
          const result = await world.warehouse.query({ query: "SELECT secret_column FROM calls WHERE from_number = '+4930123456789'" })
          return await result.json()
        }),
    })
    const answer = await ask('/v1/broken', {}, broken)
    expect([answer.statusCode, answer.json().code]).toEqual([500, 'warehouse_query'])
    expect(answer.body).not.toMatch(/secret_column|SELECT|4930/)
    expect(lines.join('')).toContain('secret_column')
    expect(lines.join('')).toContain(answer.json().instance)
    expect(lines.join('')).not.toContain('4930123456789')
    await broken.close()
  })

  it('is a 503 with Retry-After when the warehouse is away', async () => {
    const away = world.server({
      warehouse: createClient({ url: 'http://127.0.0.1:9', request_timeout: 2000, log: { level: ClickHouseLogLevel.OFF } }),
    })
    for (const url of ['/v1/records/calls', '/v1/export/calls', '/v1/live', '/v1/recordings/manifest', '/v1/query?metrics=offered&' + range]) {
      const answer = await ask(url, {}, away)
      expect([url, answer.statusCode, answer.json().code]).toEqual([url, 503, 'warehouse_unavailable'])
      expect(answer.headers['retry-after']).toBe('5')
      expect(answer.headers['content-disposition']).toBeUndefined()
    }
    await away.close()
  })

  it('is a 503 when the control database is away, and nothing leaves without its audit entry', async () => {
    const gone = () => {
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    }
    const db = new Proxy(world.control.db, { get: (target, name) => (name === 'transaction' ? gone : (Reflect.get(target, name) as unknown)) })
    const unaudited = world.server({ control: { ...world.control, db } })
    for (const url of ['/v1/export/calls', '/v1/recordings/manifest']) {
      const answer = await ask(url, {}, unaudited)
      expect([answer.statusCode, answer.json<Problem>().code]).toEqual([503, 'control_unavailable'])
      expect(answer.body).not.toContain('acme-')
    }
    const keyless = world.server({ control: { ...world.control, db: new Proxy(world.control.db, { get: () => gone }) } })
    const refused = await ask('/v1/metrics', {}, keyless)
    expect([refused.statusCode, refused.json<Problem>().code]).toEqual([503, 'control_unavailable'])
    await unaudited.close()
    await keyless.close()
  })

  it('of an unknown kind is "internal", and the server lives on', async () => {
    const odd = world.server({
      extend: (api) => api.get('/v1/odd', { config: { scope: 'read' } }, () => Promise.reject(new TypeError('secret inner words'))),
    })
    const answer = await ask('/v1/odd', {}, odd)
    expect([answer.statusCode, answer.json().code]).toEqual([500, 'internal'])
    expect(answer.body).not.toContain('secret inner words')
    expect((await odd.inject('/livez')).statusCode).toBe(200)
    await odd.close()
  })
})
