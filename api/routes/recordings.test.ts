/** The manifest and the audio behind it. */
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ManifestItem } from '../manifest/manifest-row.ts'
import { writeManifest } from '../manifest/write-manifest.ts'
import { httpAudio, type RecordingLocation } from '../open-audio.ts'
import { NOW, openWorld, type World } from '../test-world.ts'

let world: World
let app: FastifyInstance
const opened: RecordingLocation[] = []
beforeAll(async () => {
  world = await openWorld()
  app = world.server({
    openAudio: async (recording) => {
      opened.push(recording)
      return {
        stream: Readable.from([Buffer.from('RIFF'), Buffer.from('wave')]),
        content_type: recording.codec === 'pcm_s16le' ? 'audio/wav' : 'text/html',
        bytes: 8,
      }
    },
  })
})
afterAll(async () => {
  await app.close()
  await world.close()
})

const ask = (url: string) => app.inject({ url, headers: { authorization: `Bearer ${world.keys.acme}`, host: 'callhouse.example' } })
async function manifest<T = ManifestItem>(query = ''): Promise<T[]> {
  const answer = await ask(`/v1/recordings/manifest?${query}`)
  expect(answer.statusCode, answer.body).toBe(200)
  return answer.body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T)
}

describe('the manifest', () => {
  it('lists completed recordings that may still be kept, each once, with what is known of it', async () => {
    const items = await manifest()
    // 48, of which 4 are not completed and one is past its retention.
    expect(items).toHaveLength(43)
    expect(new Set(items.map(({ recording_id }) => recording_id)).size).toBe(43)
    expect(items[0]).toMatchObject({
      recording_id: 'acme-recording-0',
      audio_url: 'http://callhouse.example/v1/recordings/acme-recording-0/audio?source_id=acme-pbx&anchor_day=2026-03-01',
      source_uri: 'https://acme.example/recordings/0.wav',
      duration_s: 61.5,
      sample_rate: 8000,
      channels: 1,
      bytes: 1000,
      sha256: '0'.repeat(64),
      transcript: { text: 'acme said\u2028line 0', language: 'en' },
      sentiment: { label: 'positive', score: 0.5, model: 'm@1' },
      queue: 'acme-queue-0',
      call_id: 'acme-call-0',
      consent: { basis: 'announcement', scope: 'training' },
    })
    expect(items[1]!.sentiment).toBeNull()
  })

  it('holds no phone number, no agent id, no secret of an address; agents are stable pseudonyms', async () => {
    const { body } = await ask('/v1/recordings/manifest')
    expect(body).not.toMatch(/\+49|acme-agent|secret|signature/)
    const items = await manifest()
    expect(new Set(items.map(({ agent }) => agent)).size).toBe(4)
    expect(items.every(({ agent }) => /^[0-9a-f]{64}$/.test(agent!))).toBe(true)
    expect(await manifest()).toEqual(items)
  })

  it('splits by customer, and a split is exactly its part of the whole', async () => {
    const whole = await manifest('seed=s')
    const parts = await Promise.all(['train', 'validation', 'test'].map((split) => manifest(`seed=s&split=${split}`)))
    expect(
      parts
        .flat()
        .map(({ recording_id }) => recording_id)
        .sort(),
    ).toEqual(whole.map(({ recording_id }) => recording_id).sort())
    // Recordings 17 apart have the same customer.
    for (const item of whole) {
      const i = Number(item.recording_id.split('-').at(-1))
      const next = whole.find(({ recording_id }) => recording_id === `acme-recording-${i + 17}`)
      if (next) expect(next.split).toBe(item.split)
    }
  })

  it('is filtered by time, queue and consent', async () => {
    expect(await manifest('from=2026-03-02&to=2026-03-02T05:00:00Z')).toHaveLength(5)
    expect((await manifest('queue=acme-queue-1')).every(({ queue }) => queue === 'acme-queue-1')).toBe(true)
    expect((await manifest('consent_scope=training')).every(({ consent }) => consent.scope === 'training')).toBe(true)
    expect(await manifest('from=2001-01-01&to=2001-02-01')).toEqual([])
  })

  it('is the same whatever the size of its chunks', async () => {
    const ids = async (chunk_recordings: number) => {
      const found: string[] = []
      const request = {
        tenant_id: 'acme',
        range: { from_ms: undefined, to_ms: undefined },
        now_ms: NOW,
        format: 'jsonl',
        base_url: '',
        seed: 's',
        pseudonym_key: undefined,
      } as const
      for await (const line of writeManifest(world.warehouse, { ...request, chunk_recordings, abort_signal: new AbortController().signal }))
        found.push(line.toString())
      return found.sort()
    }
    const whole = await ids(1000)
    expect(whole).toHaveLength(43)
    expect(await ids(30)).toEqual(whole)
    expect(await ids(5)).toEqual(whole)
  })

  it('is NeMo’s where that is asked, without a sampling rate for stereo', async () => {
    const [mono, stereo] = await manifest<Record<string, unknown>>('format=nemo')
    expect(mono).toMatchObject({ duration: 61.5, text: 'acme said\u2028line 0', lang: 'en', label: 'positive', sampling_rate: 8000 })
    expect(mono!.audio_filepath).toMatch(/^http:\/\/callhouse\.example\//)
    expect(stereo).not.toHaveProperty('sampling_rate')
  })
})

describe('the audio', () => {
  it('comes from the opener, and the manifest’s address leads to it', async () => {
    const [item] = await manifest()
    const url = new URL(item!.audio_url)
    const answer = await ask(url.pathname + url.search)
    expect([answer.statusCode, answer.body, answer.headers['content-type'], answer.headers['content-length']]).toEqual([
      200,
      'RIFFwave',
      'audio/wav',
      '8',
    ])
    expect(opened.at(-1)).toMatchObject({ tenant_id: 'acme', source_id: 'acme-pbx', native_id: 'acme-recording-0' })
    const entries = await world.control.db.selectFrom('audit').selectAll().where('action', '=', 'recording.read').execute()
    expect(entries.at(-1)).toMatchObject({ object: 'acme-recording-0', tenant_id: 'acme' })
  })

  it.each(['acme-recording-5', 'globex-recording-1', 'nothing'])('of %s is not found', async (id) => {
    const before = opened.length
    expect((await ask(`/v1/recordings/${id}/audio`)).statusCode).toBe(404)
    expect(opened.length).toBe(before)
  })

  it('is fetched only from the source’s own origin, and redirects are not followed', async () => {
    const asked: string[] = []
    const answers = (status: number) =>
      (async (url: URL) => {
        asked.push(url.href)
        return new Response(status === 200 ? 'wave' : null, { status, headers: status === 302 ? { location: 'http://169.254.169.254/' } : {} })
      }) as unknown as typeof fetch
    const at = (uri: string): RecordingLocation => ({ tenant_id: 'acme', source_id: 's', native_id: 'r', uri, codec: '', bytes: 0 })
    const open = (uri: string, status = 200) =>
      httpAudio(() => ({ origin: 'https://pbx.example' }), answers(status))(at(uri), new AbortController().signal)
    for (const uri of [
      'http://169.254.169.254/latest',
      'file:///etc/passwd',
      'https://pbx.example.evil/a',
      'http://pbx.example/a',
      'https://pbx.example@evil/a',
      '//evil/a',
      'data:,x',
    ])
      await expect(open(uri)).rejects.toMatchObject({ code: 'not_found' })
    expect(asked).toEqual([])
    await expect(open('https://pbx.example/a', 302)).rejects.toMatchObject({ code: 'source_rejected' })
    await expect(open('/a', 404)).rejects.toMatchObject({ code: 'not_found' })
    expect((await open('/v1/recordings/r/audio')).stream).toBeInstanceOf(Readable)
    expect(asked.at(-1)).toBe('https://pbx.example/v1/recordings/r/audio')
  })
})
