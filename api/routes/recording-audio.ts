/** The audio of one recording, from wherever it is kept. */
import { readFileSync } from 'node:fs'
import { CallhouseError } from '../../errors.ts'
import { appendAudit } from '../../sql/audit.ts'
import type { Api } from '../api.ts'
import { askControl } from '../ask-control.ts'
import type { ApiContext } from '../context.ts'
import type { RecordingLocation } from '../open-audio.ts'
import { readSettings } from '../read-settings.ts'
import { recordingAudio } from '../schemas/recordings.ts'
import { afterFirstBytes, clientGone } from '../stream-reply.ts'

const query = readFileSync(new URL('../find-recording.sql', import.meta.url), 'utf8')

export function addRecordingAudio(api: Api, context: ApiContext): void {
  api.get('/v1/recordings/:id/audio', { schema: recordingAudio, config: { scope: 'read' } }, async (request, reply) => {
    const { actor, tenant_id } = request.principal
    const recording = await findRecording(context, { tenant_id, id: request.params.id, ...request.query })
    if (!context.openAudio) throw new CallhouseError('not_found', 'This server is not configured to fetch audio. Use the recording’s own uri.')
    await askControl(
      appendAudit(context.control, {
        actor,
        tenant_id,
        action: 'recording.read',
        object: recording.native_id,
        detail: { source_id: recording.source_id, address: request.ip },
      }),
    )
    const audio = await context.openAudio(recording, clientGone(reply))
    const body = await afterFirstBytes(audio.stream, request)
    if (audio.bytes !== undefined) void reply.header('content-length', audio.bytes)
    return await reply.type(audioType(audio.content_type)).header('x-content-type-options', 'nosniff').send(body)
  })
}

/** What a source calls its audio; anything that is not audio goes out as bytes, never as a page. */
function audioType(content_type: string): string {
  return /^audio\/[\w.+-]+(;.*)?$/.test(content_type) ? content_type : 'application/octet-stream'
}

async function findRecording(
  context: ApiContext,
  wanted: { tenant_id: string; id: string; source_id?: string; anchor_day?: string },
): Promise<RecordingLocation> {
  const { tenant_id, id, source_id = '', anchor_day } = wanted
  if (anchor_day !== undefined && Number.isNaN(Date.parse(anchor_day)))
    throw new CallhouseError('bad_request', 'The parameter "anchor_day" is not a calendar day.')
  const query_params = { tenant_id, id, source_id, any_day: anchor_day === undefined, anchor_day: anchor_day ?? '1970-01-01', now_ms: context.now() }
  const result = await context.warehouse.query({ query, query_params, format: 'JSONEachRow', clickhouse_settings: readSettings })
  const [recording, another] = await result.json<RecordingLocation & { status: string }>()
  if (another)
    throw new CallhouseError('bad_request', 'Several sources have a recording of this id. Add source_id to say which.', {
      details: { parameter: 'source_id' },
    })
  if (!recording || recording.status === 'absent')
    throw new CallhouseError('not_found', 'There is no recording of this id, or its audio was deleted.')
  return recording
}
