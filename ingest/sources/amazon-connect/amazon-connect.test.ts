import { appendFile, mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import type { Batch } from '../../source.ts'
import { testContext, type TestContext } from '../../test-context.ts'
import { createAmazonConnectSource } from './amazon-connect.ts'
import { splitObjects } from './split-objects.ts'
import { agentEvent, analysis, contact, first, second } from './test-payloads.ts'

let directory = ''
let context: TestContext
const directories: string[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'connect-'))
  directories.push(directory)
  context = testContext()
})
afterAll(() => Promise.all(directories.map((path) => rm(path, { recursive: true, force: true }))))

async function put(name: string, text: string | Buffer, age_ms = 3_600_000): Promise<void> {
  const path = join(directory, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
  await touch(name, age_ms)
}

async function touch(name: string, age_ms: number): Promise<void> {
  const at = new Date(context.now() - age_ms)
  await utimes(join(directory, name), at, at)
}

async function pull(batch_payloads?: number): Promise<Batch[]> {
  const batches: Batch[] = []
  for await (const batch of createAmazonConnectSource({ path: directory, batch_payloads }).pull(context)) {
    batches.push(batch)
    context.saved.set(batch.stream, JSON.parse(JSON.stringify(batch.checkpoint)))
  }
  return batches
}

const lines = (...payloads: object[]): string => payloads.map((payload) => `${JSON.stringify(payload)}\n`).join('')
const inputs = (batches: readonly Batch[]): number => batches.reduce((sum, batch) => sum + batch.inputs, 0)
const legs = (batches: readonly Batch[]): string[] =>
  batches.flatMap(({ records }) => records.filter(({ entity }) => entity === 'call_legs').map(({ record }) => record.native_id))

describe('files', () => {
  test('contact records, agent events and analyses, in folders, plain and gzipped, are read once', async () => {
    await put('ctr/2026/03/a.ndjson', lines(first(), second()))
    await put('agents.jsonl.gz', gzipSync(lines(agentEvent('LOGIN', '2026-03-01T09:00:00Z', {}))))
    await put('lens/contact-1_analysis.json', JSON.stringify(analysis(), undefined, 2))
    await put('readme.txt', 'nothing')
    const batches = await pull()
    expect(inputs(batches)).toBe(4)
    expect(batches.flatMap(({ rejects }) => rejects)).toEqual([])
    expect(new Set(batches.flatMap(({ records }) => records.map(({ entity }) => entity)))).toEqual(
      new Set([
        ...['call_legs', 'call_segments', 'queue_visits', 'queues', 'recordings', 'calls'],
        ...['agent_states', 'agent_events', 'presence_events', 'users'],
        ...['transcripts', 'transcript_turns', 'sentiment', 'call_events'],
      ]),
    )
    expect(await pull()).toEqual([])
  })

  test('a growing file is followed, and a half-written line is left for later', async () => {
    const [begun, rest] = [lines(contact({ ContactId: 'c-2' })).slice(0, 300), lines(contact({ ContactId: 'c-2' })).slice(300)]
    await put('a.ndjson', lines(contact({ ContactId: 'c-1' })) + begun, 1_000)
    expect(legs(await pull())).toEqual(['c-1'])
    expect(await pull()).toEqual([])
    await appendFile(join(directory, 'a.ndjson'), rest + lines(contact({ ContactId: 'c-3' })))
    await touch('a.ndjson', 500)
    expect(legs(await pull())).toEqual(['c-2', 'c-3'])
    expect(await pull()).toEqual([])
  })

  test('a last line without an end counts once nobody writes any more', async () => {
    await put('a.ndjson', lines(contact({ ContactId: 'c-1' })) + lines(contact({ ContactId: 'c-2' })).trim(), 1_000)
    expect(legs(await pull())).toEqual(['c-1'])
    context.clock.now_ms += 120_000
    expect(legs(await pull())).toEqual(['c-2'])
    expect(await pull()).toEqual([])
  })

  test('objects in a row, as a delivery stream joins them', async () => {
    const row = JSON.stringify(contact({ ContactId: 'c-1' })) + JSON.stringify(contact({ ContactId: 'c-2' }))
    await put('a.json', row)
    await put('b.gz', gzipSync(row.replaceAll('c-', 'd-')))
    expect(legs(await pull())).toEqual(['c-1', 'c-2', 'd-1', 'd-2'])
    expect(await pull()).toEqual([])
  })

  test('a half-written analysis, and a gzip file that is not there to its end, are left for later', async () => {
    const document = JSON.stringify(analysis(), undefined, 2)
    const packed = gzipSync(lines(contact()))
    await put('a.json', document.slice(0, 500), 1_000)
    await put('b.gz', packed.subarray(0, 200), 1_000)
    expect(await pull()).toEqual([])
    await put('a.json', document)
    await put('b.gz', packed)
    expect(inputs(await pull())).toBe(2)
    expect(await pull()).toEqual([])
  })

  test('what stays cut off is a dead letter each, once', async () => {
    await put('a.json', JSON.stringify(analysis(), undefined, 2).slice(0, 500))
    await put('b.gz', gzipSync(lines(contact())).subarray(0, 200))
    const batches = await pull()
    expect(inputs(batches)).toBe(2)
    expect(batches.flatMap(({ rejects }) => rejects)).toMatchObject([
      { position: 'a.json/0', code: 'not_json' },
      { position: 'b.gz/0', code: 'not_json' },
    ])
    expect(await pull()).toEqual([])
  })

  test('every bad line is a dead letter where it stands, and the good ones are taken', async () => {
    const good = lines(contact({ ContactId: 'c-1' }))
    const bad = Buffer.concat([
      Buffer.from('<html>\n'),
      Buffer.from([0x7b, 0xff, 0x0a]),
      Buffer.from('{"ContactId":\n{}\n[1]\n\n'),
      Buffer.from(good),
    ])
    for (const name of ['a.ndjson', 'b.gz']) await put(name, name.endsWith('.gz') ? gzipSync(bad) : bad)
    const [batch] = await pull()
    expect(legs([batch!])).toEqual(['c-1', 'c-1'])
    const codes = ['not_json', 'not_utf8', 'not_json', 'unknown_event', 'unknown_event']
    expect(batch!.rejects.map(({ code }) => code)).toEqual([...codes, ...codes])
    expect(batch!.inputs).toBe(12)
    expect(new Set(batch!.rejects.map(({ position }) => position)).size).toBe(10)
  })

  test('batches end where reading goes on, and a chain goes on over them', async () => {
    const others = Array.from({ length: 5 }, (_, n) => contact({ ContactId: `c-${n}` }))
    await put('a.ndjson', lines(first(), ...others, second()))
    context.signal = AbortSignal.abort()
    const [begun] = await pull(3)
    expect(begun!.inputs).toBe(3)
    const { saved } = context
    context = testContext()
    for (const [stream, value] of saved) context.saved.set(stream, value)
    const rest = await pull(3)
    expect(rest.map((batch) => batch.inputs)).toEqual([3, 1])
    expect(rest.at(-1)!.records.find(({ entity }) => entity === 'calls')!.record).toMatchObject({ leg_count: 2, native_id: 'contact-1' })
  })

  test('a file that was renamed gives the same records again, and one that shrank is read from its beginning', async () => {
    await put('a.ndjson', lines(contact({ ContactId: 'c-1' }), contact({ ContactId: 'c-2' })))
    const [before] = await pull()
    await rename(join(directory, 'a.ndjson'), join(directory, 'b.ndjson'))
    expect((await pull())[0]!.records).toEqual(before!.records)
    await put('b.ndjson', lines(contact({ ContactId: 'c-3' })), 1_000)
    expect(legs(await pull())).toEqual(['c-3'])
    expect(Object.keys((context.saved.get('files') as { files: object }).files)).toEqual(['b.ndjson'])
  })
})

test('a directory that is not there says so, and one there is counted', async () => {
  await put('a.ndjson', '')
  expect(await createAmazonConnectSource({ path: directory }).check!(context)).toEqual({ account: '1 files of Amazon Connect' })
  directory = join(directory, 'missing')
  await expect(pull()).rejects.toMatchObject({ code: 'source_unavailable' })
  expect(() => createAmazonConnectSource({ path: '' })).toThrow(expect.objectContaining({ code: 'config_invalid' }))
})

test.each<[string, ReturnType<typeof splitObjects>]>([
  ['{"a":"}{\\""}{"b":{}}', { objects: ['{"a":"}{\\""}', '{"b":{}}'], rest: '' }],
  ['{"a":1} {"b"', { objects: ['{"a":1}'], rest: '{"b"' }],
  ['x{"a":1}', undefined],
  ['[{"a":1}]', undefined],
  ['', { objects: [], rest: '' }],
])('%s taken apart', (text, expected) => {
  expect(splitObjects(text)).toEqual(expected)
})
