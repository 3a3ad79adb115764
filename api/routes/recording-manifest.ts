/** Completed recordings as a training manifest. */
import type { FastifyRequest } from 'fastify'
import { appendAudit } from '../../sql/audit.ts'
import type { Api } from '../api.ts'
import { askControl } from '../ask-control.ts'
import type { ApiContext } from '../context.ts'
import { renderers } from '../manifest/renderers.ts'
import { writeManifest } from '../manifest/write-manifest.ts'
import { recordingManifest } from '../schemas/recordings.ts'
import { afterFirstBytes, clientGone } from '../stream-reply.ts'
import { readRange } from '../time-range.ts'

export function addRecordingManifest(api: Api, context: ApiContext): void {
  api.get('/v1/recordings/manifest', { schema: recordingManifest, config: { scope: 'read' } }, async (request, reply) => {
    const { actor, tenant_id } = request.principal
    const { from, to, format = 'jsonl', queue, split, consent_scope, seed = 'callhouse' } = request.query
    const range = readRange(request.query)
    const detail = { from, to, format, queue, split, consent_scope, address: request.ip }
    await askControl(appendAudit(context.control, { actor, tenant_id, action: 'export', object: 'recordings/manifest', detail }))
    const lines = writeManifest(context.warehouse, {
      tenant_id,
      range,
      format,
      split,
      consent_scope,
      seed,
      queue_id: queue,
      now_ms: context.now(),
      base_url: baseUrl(request, context),
      pseudonym_key: await context.pseudonymKey?.(tenant_id),
      abort_signal: clientGone(reply),
    })
    const body = await afterFirstBytes(lines, request)
    const { content_type, extension } = renderers[format]
    return await reply.type(content_type).header('content-disposition', `attachment; filename="recordings.${extension}"`).send(body)
  })
}

function baseUrl(request: FastifyRequest, { config }: ApiContext): string {
  return (config.publicUrl ?? `${request.protocol}://${request.host}`).replace(/\/+$/, '')
}
