/** Where a recording's bytes come from: its source's own HTTP origin, unless the application brings another opener. */
import { Readable } from 'node:stream'
import { CallhouseError } from '../errors.ts'

/** The columns of a recording an opener may need. */
export interface RecordingLocation {
  tenant_id: string
  source_id: string
  native_id: string
  uri: string
  codec: string
  bytes: number
}

export interface Audio {
  stream: Readable
  content_type: string
  bytes?: number
}

export type OpenAudio = (recording: RecordingLocation, signal: AbortSignal) => Promise<Audio>

/**
 * An opener that fetches http(s) recordings, and only from the origins the
 * sources are configured with: a recording's `uri` is the provider's word, so
 * it may not point us at an address of its choosing. Redirects are refused for
 * the same reason.
 *
 * @example httpAudio((recording) => ({ origin: 'https://api.pbx.example', headers: { authorization: 'Bearer …' } }))
 */
export function httpAudio(
  locate: (recording: RecordingLocation) => { origin: string; headers?: Record<string, string> } | undefined,
  fetcher: typeof fetch = fetch,
): OpenAudio {
  return async (recording, signal) => {
    const source = locate(recording)
    const url = source && URL.canParse(recording.uri, source.origin) ? new URL(recording.uri, source.origin) : undefined
    if (!source || url?.origin !== new URL(source.origin).origin)
      throw new CallhouseError(
        'not_found',
        `The audio of this recording is not on the configured origin of source "${recording.source_id}". Check the source's URL.`,
      )
    return await fetchAudio(url, source.headers ?? {}, signal, fetcher)
  }
}

async function fetchAudio(url: URL, headers: Record<string, string>, signal: AbortSignal, fetcher: typeof fetch): Promise<Audio> {
  const response = await fetcher(url, { headers, signal, redirect: 'manual' }).catch((cause: unknown) => {
    throw new CallhouseError('source_unavailable', 'The source of this recording does not answer. Try again later.', { cause })
  })
  if (!response.ok || !response.body) {
    await response.body?.cancel()
    if (response.status === 404 || response.status === 410)
      throw new CallhouseError('not_found', 'The source no longer has the audio of this recording.')
    throw new CallhouseError('source_rejected', `The source answered ${response.status} when asked for the audio of this recording.`)
  }
  const length = Number(response.headers.get('content-length') ?? NaN)
  return {
    stream: Readable.fromWeb(response.body),
    content_type: response.headers.get('content-type') ?? 'application/octet-stream',
    ...(Number.isFinite(length) && !response.headers.get('content-encoding') ? { bytes: length } : {}),
  }
}
