/** The whole server over real HTTP: probes, draining, what the log says, and the documents generated from it. */
import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { errorCodes } from '../errors.ts'
import { loggerOptions } from './logger.ts'
import { errorMeanings } from './error-meanings.ts'
import { renderDocuments, renderOpenApi } from './render-openapi.ts'
import { ADMIN_KEY, openWorld, type World } from './test-world.ts'

let world: World
beforeAll(async () => void (world = await openWorld()))
afterAll(async () => await world.close())

describe('over HTTP', () => {
  it('serves, then drains: unready first, then requests under way finish and new ones are refused', async () => {
    let finish: (() => void) | undefined
    const began = new Promise<void>((resolve) => {
      finish = resolve
    })
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const app = world.server({
      extend: (api) =>
        api.get('/v1/slow', { config: { scope: 'read' } }, async () => {
          finish?.()
          await held
          return { done: true }
        }),
    })
    await app.listen({ host: '127.0.0.1', port: 0 })
    const base = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
    const headers = { authorization: `Bearer ${world.keys.acme}` }
    expect((await fetch(`${base}/readyz`)).status).toBe(200)
    expect((await (await fetch(`${base}/v1/records/calls?limit=2`, { headers })).json()) as object).toMatchObject({ items: [{}, {}] })

    const slow = fetch(`${base}/v1/slow`, { headers })
    await began
    app.beginDrain()
    const unready = await fetch(`${base}/readyz`)
    expect([unready.status, await unready.json()]).toEqual([503, { ready: false, checks: { server: 'shutting down' } }])
    expect((await fetch(`${base}/livez`)).status).toBe(200)
    const closed = app.close()
    release()
    expect(await (await slow).json()).toEqual({ done: true })
    await closed
    await expect(fetch(`${base}/livez`)).rejects.toThrow()
  })

  it('is unready with the reasons, and when finding out fails', async () => {
    const report = { ready: false, checks: { warehouse: 'does not answer' } }
    for (const [ready, expected] of [
      [async () => report, report],
      [() => Promise.reject(new Error('boom')), { ready: false, checks: { server: 'cannot be checked; the log says why' } }],
    ] as const) {
      const app = world.server({ ready })
      const answer = await app.inject('/readyz')
      expect([answer.statusCode, answer.json()]).toEqual([503, expected])
      await app.close()
    }
  })

  it('says without a key how sources do, and with the admin key whose they are', async () => {
    const failing = { state: 'failing', since: '2026-03-01T00:00:00.000Z', code: 'source_rejected', failures: 2 } as const
    const report = { ready: true, degraded: true, checks: { warehouse: 'ok' }, sources: [{ tenant: 'acme', source: 'pbx', ...failing }] }
    const app = world.server({ ready: async () => report })
    const asked = async (key?: string) =>
      (await app.inject({ url: '/readyz', headers: key === undefined ? {} : { authorization: `Bearer ${key}` } })).json()
    for (const key of [undefined, world.keys.acme, 'wrong']) expect(await asked(key)).toEqual({ ...report, sources: [failing] })
    expect(await asked(ADMIN_KEY)).toEqual(report)
    await app.close()
  })

  it('survives requests that are not HTTP', async () => {
    const app = world.server()
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.address() as AddressInfo
    const [response] = (await once(httpRequest({ port, path: '/v1/records/calls', method: 'PROPFIND' }).end(), 'response')) as [
      { statusCode: number; resume(): void },
    ]
    response.resume()
    expect(response.statusCode).toBe(404)
    const huge = await fetch(`http://127.0.0.1:${port}/v1/query?metrics=${'a'.repeat(10_000)}`, {
      headers: { authorization: `Bearer ${world.keys.acme}` },
    })
    expect(huge.status).toBe(400)
    expect((await app.inject('/livez')).statusCode).toBe(200)
    await app.close()
  })

  it('shows people where to go', async () => {
    const app = world.server()
    expect((await app.inject('/')).body).toContain('/docs')
    expect((await app.inject('/docs/')).statusCode).toBe(200)
    expect((await app.inject('/openapi.json')).json().openapi).toBe('3.1.0')
    expect((await app.inject('/errors')).body).toContain('range_invalid')
    await app.close()
  })
})

it('logs each request by its route: no key, no phone number, no query string', async () => {
  const lines: string[] = []
  const app = world.server({ logger: pino(loggerOptions, { write: (line: string) => lines.push(line) }) })
  const secrets = { authorization: `Bearer ${world.keys.acme}`, 'x-api-key': world.keys.acme }
  const urls = [
    '/v1/query?metrics=seizures&filter=number:%2B493012345678&from=2026-03-01&to=2026-03-02',
    '/v1/query?metrics=x&filter=number:%2B493012345678',
    '/v1/recordings/493012345678/audio',
    '/nowhere/493012345678',
  ]
  for (const url of urls) await app.inject({ url, headers: secrets })
  app.log.info({ headers: secrets, req: { headers: secrets } }, 'a careless line')
  await app.close()
  const log = lines.join('')
  expect(log).toContain('"route":"/v1/query"')
  expect(log).toContain('"route":"not found"')
  expect(log).toContain('"tenant_id":"acme"')
  expect(log).toContain('<redacted>')
  expect(log).not.toMatch(/493012345678|filter=|from=/)
  expect(log).not.toContain(world.keys.acme)
})

describe('the documents', () => {
  it('are what the routes and the error catalogue say; otherwise run `npx tsx api/render-openapi.ts --write`', async () => {
    const documents = await renderDocuments(manifest.version)
    expect(documents).toHaveLength(2)
    for (const { file, text } of documents) expect(readFileSync(file, 'utf8')).toBe(text)
  })

  it('describe every route and every error', async () => {
    const { paths } = JSON.parse(await renderOpenApi(manifest.version)) as {
      paths: Record<string, Record<string, { summary?: string; responses: object }>>
    }
    expect(Object.keys(paths)).toContain('/v1/export/{entity}')
    for (const [path, methods] of Object.entries(paths))
      for (const operation of Object.values(methods)) {
        expect(operation.summary, path).toBeTruthy()
        expect(Object.keys(operation.responses), path).toContain('200')
      }
    for (const code of errorCodes) expect(errorMeanings[code], `${code} in api/error-meanings.ts`).toBeDefined()
  })
})
