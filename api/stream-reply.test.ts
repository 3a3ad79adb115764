/** Streams over real HTTP: they fail as a problem before the first byte, break after it, and stop when nobody reads. */
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { afterEach, expect, it } from 'vitest'
import { addErrors } from './plugins/errors.ts'
import { afterFirstBytes, clientGone } from './stream-reply.ts'

let app = Fastify()
afterEach(async () => await app.close())

/** Serves what `source` yields and opens a request for it. */
async function request(source: (signal: AbortSignal) => AsyncIterable<Buffer>): Promise<IncomingMessage> {
  app = Fastify({ forceCloseConnections: true })
  addErrors(app)
  app.get(
    '/',
    async (request: FastifyRequest, reply: FastifyReply) =>
      await reply.type('text/csv').send(await afterFirstBytes(source(clientGone(reply)), request)),
  )
  await app.listen({ host: '127.0.0.1', port: 0 })
  const [response] = (await once(get({ port: (app.server.address() as AddressInfo).port, agent: false }), 'response')) as [IncomingMessage]
  return response
}

/** Promise.withResolvers, which Node 20 does not have. */
function resolvers<T>() {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((done) => (resolve = done))
  return { promise, resolve }
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

it('sends every chunk', async () => {
  const response = await request(async function* () {
    for (let i = 0; i < 1000; i++) yield Buffer.from(`${i}\n`)
  })
  expect((await readAll(response)).split('\n')).toHaveLength(1001)
})

it('sends an empty stream as an empty answer', async () => {
  const response = await request(async function* () {})
  expect([response.statusCode, await readAll(response)]).toEqual([200, ''])
})

it('answers with a problem when the first chunk fails', async () => {
  const response = await request(async function* () {
    throw Object.assign(new Error('DB::Exception: inner words'), { code: '241' })
  })
  expect(response.statusCode).toBe(422)
  const body = await readAll(response)
  expect(JSON.parse(body)).toMatchObject({ code: 'query_too_large' })
  expect(body).not.toContain('inner words')
})

it('breaks the connection when a later chunk fails', async () => {
  const response = await request(async function* () {
    yield Buffer.from('1\n')
    throw new Error('too late for a status')
  })
  expect(response.statusCode).toBe(200)
  await expect(readAll(response)).rejects.toThrow('aborted')
})

it('stops the source when the client goes away', async () => {
  const ended = resolvers<string>()
  let signal: AbortSignal | undefined
  const response = await request(async function* (given) {
    signal = given
    try {
      for (;;) {
        yield Buffer.alloc(65_536)
        await new Promise(setImmediate)
      }
    } finally {
      ended.resolve('ended')
    }
  })
  await once(response, 'data')
  response.destroy()
  expect(await ended.promise).toBe('ended')
  expect(signal!.aborted).toBe(true)
})

it('aborts a query that has not given anything yet', async () => {
  const aborted = resolvers<string>()
  const began = resolvers<true>()
  app = Fastify({ forceCloseConnections: true })
  app.get('/', async (_request, reply) => {
    clientGone(reply).addEventListener('abort', () => aborted.resolve('aborted'))
    began.resolve(true)
    await aborted.promise
    return ''
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const asked = get({ port: (app.server.address() as AddressInfo).port, agent: false }).on('error', () => undefined)
  await began.promise
  asked.destroy()
  expect(await aborted.promise).toBe('aborted')
})
