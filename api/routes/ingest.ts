/** Takes in what is pushed: a phone system's own requests, and canonical records. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CallhouseError } from '../../errors.ts'
import type { Api } from '../api.ts'
import type { ApiContext } from '../context.ts'
import type { Ingest, PushTarget, RecordsPushed } from '../ingest-port.ts'
import { pushRecords, pushToSource, webhook } from '../schemas/ingest.ts'
import { findTable, recordTables } from '../tables.ts'

export const BODY_LIMIT = 10 * 1024 * 1024

/** Routes that take a key. They see bodies as bytes, so give them a scope of their own. */
export function addIngest(api: Api, context: ApiContext): void {
  takeBytes(api)
  api.post('/v1/ingest/:source', { schema: pushToSource, config: { scope: 'ingest' } }, (request, reply) =>
    receive(context, { tenant_id: request.principal.tenant_id, source_id: request.params.source }, request, reply),
  )

  api.post('/v1/ingest/records/:entity', { schema: pushRecords, config: { scope: 'ingest' } }, async (request, reply) => {
    const { name: entity } = findTable(request.params.entity, recordTables)
    if ((request.headers['content-encoding'] ?? 'identity') !== 'identity')
      throw new CallhouseError('bad_request', 'The body is compressed. Send it as it is, without Content-Encoding.', {
        details: { parameter: 'content-encoding' },
      })
    const target = { tenant_id: request.principal.tenant_id, source_id: request.query.source ?? 'push' }
    const { answer, is_repeated } = await ingestOf(context).records(target, {
      entity,
      content_type: request.headers['content-type'] ?? '',
      body: bytesOf(request),
      idempotency_key: request.headers['idempotency-key'],
    })
    if (is_repeated) void reply.header('idempotency-replayed', 'true')
    return withVerdicts(answer)
  })
}

/** Routes that take no key: the source itself finds out who sends. */
export function addWebhooks(api: Api, context: ApiContext): void {
  takeBytes(api)
  const options = { schema: webhook }
  const receiveSigned = (request: FastifyRequest<{ Params: { tenant: string; source: string } }>, reply: FastifyReply) => {
    const target = { tenant_id: request.params.tenant, source_id: request.params.source }
    if (!ingestOf(context).verifiesSender(target))
      throw new CallhouseError(
        'unauthorized',
        'This source cannot tell who sends. Push to /v1/ingest/SOURCE with an API key of scope ingest, or set the source’s own secret.',
      )
    return receive(context, target, request, reply)
  }
  api.post('/v1/ingest/:tenant/:source', options, receiveSigned)
  const { body: _body, ...schema } = webhook
  api.get('/v1/ingest/:tenant/:source', { schema }, receiveSigned)
}

function takeBytes(api: Api): void {
  api.removeAllContentTypeParsers()
  api.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: BODY_LIMIT }, (_request, body, done) => done(null, body))
}

async function receive(context: ApiContext, target: PushTarget, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const base = (context.config.publicUrl ?? `${request.protocol}://${request.host}`).replace(/\/+$/, '')
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]))
  const raw = { method: request.method, url: `${base}${request.raw.url ?? ''}`, headers, body: bytesOf(request) }
  const answer = await ingestOf(context).receive(target, raw)
  void reply.code(answer.status).headers(answer.headers ?? {})
  if (answer.body === '') return await reply.send()
  return await reply
    .type(answer.type)
    .serializer((text: unknown) => text as string)
    .send(answer.body)
}

function bytesOf({ body }: FastifyRequest): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0)
}

function ingestOf({ ingest }: ApiContext): Ingest {
  if (ingest) return ingest
  throw new CallhouseError('not_found', 'This server takes nothing in.')
}

function withVerdicts({ inputs, refused }: RecordsPushed) {
  const reasons = new Map(refused.map(({ index, code, reason }) => [index, { code, reason }]))
  const verdicts = Array.from({ length: inputs }, (_, index) => {
    const why = reasons.get(index)
    return why ? { index, outcome: 'rejected' as const, ...why } : { index, outcome: 'accepted' as const }
  })
  return { inputs, accepted: inputs - refused.length, rejected: refused.length, verdicts }
}
