import { appendFile, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import type { Batch } from '../../source.ts'
import { testContext, type TestContext } from '../../test-context.ts'
import { createFreeswitchSource } from './freeswitch.ts'
import * as given from './test-cdrs.ts'
import { A, B } from './test-cdrs.ts'

const source = createFreeswitchSource({})

async function push(body: string) {
  return await source.receive!({ method: 'POST', url: '/', headers: {}, body: Buffer.from(body) }, testContext())
}

describe('the err-log directory', () => {
  let directory = ''
  const directories: string[] = []
  let pulling: TestContext

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'err-log-'))
    directories.push(directory)
    pulling = testContext()
  })
  afterAll(() => Promise.all(directories.map((path) => rm(path, { recursive: true, force: true }))))

  const NAME = `${A}.cdr.json`
  async function put(name: string, text: string | Buffer, age_ms = 3_600_000): Promise<void> {
    await writeFile(join(directory, name), text)
    const at = new Date(pulling.now() - age_ms)
    await utimes(join(directory, name), at, at)
  }
  async function pull(batch_files?: number): Promise<Batch[]> {
    const batches: Batch[] = []
    for await (const batch of createFreeswitchSource({ path: directory, batch_files }).pull(pulling)) {
      batches.push(batch)
      pulling.saved.set(batch.stream, JSON.parse(JSON.stringify(batch.checkpoint)))
    }
    return batches
  }

  test('a file gives what the push of the same CDR gives, and is read once, and stays', async () => {
    await put(NAME, `${given.memberCdr}\n`)
    const [batch] = await pull()
    expect(batch).toMatchObject({ stream: 'err-log', inputs: 1, rejects: [], progress: { done: 1, total: 1 } })
    expect(batch!.records).toEqual((await push(given.memberCdr)).records)
    expect(await pull()).toEqual([])
    expect(await readdir(directory)).toEqual([NAME])
  })

  test('a switch that posts forms or base64 leaves them without cdr=', async () => {
    for (const encode of [given.asForm, given.asBase64]) {
      await put(NAME, `${encode(given.memberCdr).slice('cdr='.length)}\n`, encode === given.asForm ? 1 : 2)
      expect((await pull())[0]!.records).toEqual((await push(encode(given.memberCdr))).records)
    }
  })

  test('both legs, folders of a rotation, and what is no CDR', async () => {
    await mkdir(join(directory, '2026-03-01-09-00-00'))
    await put(`2026-03-01-09-00-00/a_${NAME}`, `${given.memberCdr}\n`)
    await put(`${B}.cdr.json`, `${given.agentCdr}\n`)
    await put('notes.txt', 'no CDR')
    const batches = await pull(1)
    expect(batches.map(({ inputs }) => inputs)).toEqual([1, 1])
    const legs = batches.flatMap(({ records }) => records).filter(({ entity }) => entity === 'call_legs')
    expect(legs.map(({ record }) => 'call_id' in record && record.call_id)).toEqual([A, A])
  })

  test('a half-written file is left for the next pass', async () => {
    await put(NAME, given.memberCdr.slice(0, 700), 1_000)
    expect(await pull()).toEqual([])
    await appendFile(join(directory, NAME), `${given.memberCdr.slice(700)}\n`)
    const [batch] = await pull()
    expect(batch!.records).toEqual((await push(given.memberCdr)).records)
    expect(await pull()).toEqual([])
  })

  test('a file that was cut off for good is a dead letter, once, and read again when it changes', async () => {
    await put(NAME, given.memberCdr.slice(0, 700), 120_000)
    expect((await pull())[0]).toMatchObject({ inputs: 1, records: [], rejects: [{ code: 'not_json' }] })
    expect(await pull()).toEqual([])
    await put(NAME, `${given.memberCdr}\n`)
    expect((await pull())[0]!.records).toHaveLength(3)
  })

  test('an ended file that is no JSON is a dead letter at once', async () => {
    await put(NAME, 'garbage!\n', 0)
    expect((await pull())[0]).toMatchObject({ inputs: 1, rejects: [{ code: 'not_json', payload: 'garbage!' }] })
  })

  test('files that are gone are forgotten', async () => {
    await put(NAME, `${given.memberCdr}\n`)
    await put(`${B}.cdr.json`, `${given.agentCdr}\n`)
    await pull()
    await rm(join(directory, NAME))
    await put('c.cdr.json', `${given.agentCdr}\n`)
    await pull()
    expect(Object.keys((pulling.saved.get('err-log') as { files: object }).files).toSorted()).toEqual([`${B}.cdr.json`, 'c.cdr.json'].toSorted())
  })

  test('a directory that is not there says so; without one there is nothing to pull', async () => {
    directory = join(directory, 'missing')
    await expect(pull()).rejects.toMatchObject({ code: 'source_unavailable', message: expect.stringContaining(directory) })
    const batches: Batch[] = []
    for await (const batch of source.pull(pulling)) batches.push(batch)
    expect(batches).toEqual([])
  })

  test('check counts the files', async () => {
    await put(NAME, given.memberCdr)
    expect(await createFreeswitchSource({ path: directory }).check!(pulling)).toEqual({ account: '1 CDRs in the err-log directory' })
  })
})
