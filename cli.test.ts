/** The command as people run it: a process, a terminal, an exit code. The README's own commands are among those run. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = import.meta.dirname
const folder = mkdtempSync(join(tmpdir(), 'callhouse-cli-'))
const running = new Set<ChildProcess>()
afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

interface Outcome {
  code: number
  out: string
  err: string
}

function callhouse(args: string[], data: string, env: Record<string, string> = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { cwd: root, env: { ...process.env, CALLHOUSE_DATA: data, NO_COLOR: '1', ...env } }
    execFile(process.execPath, ['callhouse.mjs', ...args], options, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, out, err }),
    )
  })
}

/** Starts a verb that keeps running, and waits until it prints the text. */
async function start(
  args: string[],
  data: string,
  until: string,
  env: Record<string, string> = {},
): Promise<{ out: () => string; stop: () => Promise<Outcome> }> {
  const child = spawn(process.execPath, ['callhouse.mjs', ...args], { cwd: root, env: { ...process.env, CALLHOUSE_DATA: data, ...env } })
  running.add(child)
  let out = ''
  let err = ''
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const ended = new Promise<Outcome>((resolve) => child.once('exit', (code) => resolve({ code: code ?? -1, out, err })))
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
      if (out.includes(until)) resolve()
    })
    void ended.then(({ code }) => reject(new Error(`ended with ${code} before "${until}":\n${out}\n${err}`)))
  })
  return {
    out: () => out,
    stop: () => {
      child.kill('SIGINT')
      return ended.finally(() => running.delete(child))
    },
  }
}

function freePort(): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(String(port)))
    })
  })
}

/** The arguments of the README's command that starts so. */
function fromReadme(start: string): string[] {
  const line = readFileSync(join(root, 'README.md'), 'utf8')
    .split('\n')
    .find((text) => text.startsWith(`npx callhouse ${start}`))
  return line!.replace('npx callhouse ', '').split(' ')
}

describe('an Asterisk, as in the README', () => {
  const data = join(folder, 'asterisk')
  const expected = JSON.parse(readFileSync(join(root, 'fixtures/cases/asterisk-live/EXPECTED.json'), 'utf8')) as {
    queues: Record<string, { entered: number; answered: number; abandoned: number; timeout: number }>
  }

  test('its logs are loaded, once, and its queues are what the PBX counted', async () => {
    const first = await callhouse(fromReadme('backfill'), data)
    expect(first).toMatchObject({ code: 0, err: '' })
    expect(first.out).toContain('7,085 accepted, 0 kept as dead letters')
    for (const [queue, { entered, answered, abandoned, timeout }] of Object.entries(expected.queues))
      expect(first.out.replace(/ +/g, ' ')).toContain(`${queue} ${entered} ${answered} ${abandoned} ${timeout}\n`)
    const second = await callhouse(fromReadme('backfill'), data)
    expect(second.out).toContain('0 lines read')
    expect(second.out.slice(second.out.indexOf('\n\n'))).toBe(first.out.slice(first.out.indexOf('\n\n')))
  }, 60_000)

  test('verify agrees; a key is made; up serves what is there, and does a verify beside it; a second one is told who has the data', async () => {
    expect(await callhouse(['verify'], data)).toMatchObject({ code: 0, out: 'Every fact equals its recomputation.\n' })
    const key = (await callhouse(fromReadme('keys create'), data)).out.trim()
    const port = await freePort()
    const up = await start(['up'], data, 'Callhouse is up at', { CALLHOUSE_PORT: port })
    const url = /curl -H [^']*\\\n +'http:\/\/127.0.0.1:8080([^']+)'/.exec(readFileSync(join(root, 'README.md'), 'utf8'))![1]!
    const answer = await fetch(`http://127.0.0.1:${port}${url}`, { headers: { authorization: `Bearer ${key}` } })
    const { rows } = (await answer.json()) as { rows: { queue: string; offered: number; answered: number; abandoned: number; timed_out: number }[] }
    expect(Object.fromEntries(rows.map(({ queue, ...row }) => [queue, row]))).toMatchObject(
      Object.fromEntries(
        Object.entries(expected.queues).map(([queue, q]) => [
          queue,
          { offered: q.entered, answered: q.answered, abandoned: q.abandoned, timed_out: q.timeout },
        ]),
      ),
    )
    const [verified, second] = await Promise.all([callhouse(['verify'], data), callhouse(['up'], data, { CALLHOUSE_PORT: await freePort() })])
    expect(verified).toMatchObject({ code: 0, out: 'Every fact equals its recomputation.\n' })
    expect(second.code).toBe(1)
    expect(second.err).toMatch(/in use by process \d+.*stop that one/i)
    expect(await up.stop()).toMatchObject({ code: 0 })
  }, 60_000)
})

describe('the demo', () => {
  const data = join(folder, 'demo')
  let port: string
  let demo: Awaited<ReturnType<typeof start>>
  let shown: string
  beforeAll(async () => {
    port = await freePort()
    demo = await start(['demo', '--days', '2', '--seed', '3'], data, 'Ctrl-C stops it', { CALLHOUSE_PORT: port })
    shown = demo.out()
  }, 60_000)

  test('the report it says to try has an answer', async () => {
    const command = /curl -s -H 'Authorization: Bearer (\S+)' '([^']+)'/.exec(shown)!
    const report = await fetch(command[2]!, { headers: { authorization: `Bearer ${command[1]!}` } })
    expect(report.status).toBe(200)
    expect(((await report.json()) as { rows: unknown[] }).rows.length).toBeGreaterThan(3)
  })

  test('the SQL it says to try has an answer', async () => {
    const sql = /curl -s -u 'default:(\S+)' '([^']+)' --data "([^"]+)"/.exec(shown)!
    const authorization = `Basic ${Buffer.from(`default:${sql[1]!}`).toString('base64')}`
    expect(await (await fetch(sql[2]!, { method: 'POST', body: sql[3]!, headers: { authorization } })).text()).toContain('q-sales')
  })

  test('its recordings are really there: every byte the manifest promises, and as long as it says', async () => {
    const key = /API key +(\S+)/.exec(shown)![1]!
    const authorization = { headers: { authorization: `Bearer ${key}` } }
    const manifest = await (await fetch(`http://127.0.0.1:${port}/v1/recordings/manifest?format=jsonl`, authorization)).text()
    const items = manifest
      .trim()
      .split('\n')
      .map(
        (line) => JSON.parse(line) as { audio_url: string; sha256: string; bytes: number; duration_s: number; sample_rate: number; channels: number },
      )
    expect(items.length).toBeGreaterThan(0)
    for (const item of items.slice(0, 5)) {
      const wav = Buffer.from(await (await fetch(item.audio_url, authorization)).arrayBuffer())
      expect(wav).toHaveLength(item.bytes)
      expect(createHash('sha256').update(wav).digest('hex')).toBe(item.sha256)
      const frame_bytes = wav.readUInt16LE(22) * (wav.readUInt16LE(34) / 8)
      expect([wav.readUInt32LE(24), wav.readUInt16LE(22)]).toEqual([item.sample_rate, item.channels])
      expect(wav.readUInt32LE(40) / frame_bytes / item.sample_rate).toBeCloseTo(item.duration_s, 3)
    }
  })

  test('the Python it says to try prints the calls', async (context) => {
    const python = process.env['PYTHON'] ?? 'python3'
    const ran = (code: string): Promise<{ failed: boolean; out: string }> =>
      new Promise((resolve) => execFile(python, ['-c', code], (error, out) => resolve({ failed: error !== null, out })))
    if ((await ran('import pyarrow, pandas')).failed) return context.skip(`${python} has no pyarrow and pandas; name one that has in PYTHON`)
    const { out } = await ran(/python3 -c "([^\n]+)"\n/.exec(shown)![1]!)
    expect(out).toMatch(/\[\d+ rows x \d+ columns\]/)
  }, 30_000)

  test('Ctrl-C stops it, and starting again resumes without loading twice', async () => {
    expect(await demo.stop()).toMatchObject({ code: 0 })
    const loaded = Number(/Loaded +([\d,]+) records/.exec(shown)![1]!.replaceAll(',', ''))
    const second = await start(['demo'], data, 'Ctrl-C stops it', { CALLHOUSE_PORT: port })
    const resumed = Number(/Resumed +with ([\d,]+) new records/.exec(second.out())![1]!.replaceAll(',', ''))
    expect(resumed).toBeLessThan(loaded / 10)
    expect(await second.stop()).toMatchObject({ code: 0 })
    expect(await callhouse(['verify'], data)).toMatchObject({ code: 0 })
  }, 60_000)
})

describe('mistakes', () => {
  test('a bad config is refused with every mistake in it', async () => {
    const file = join(folder, 'bad.yaml')
    writeFileSync(file, 'datadir: x\nsources:\n  - id: pbx\n    kind: asterisk\n    time_zone: Mars\n')
    const { code, err } = await callhouse(['--config', file, 'up'], join(folder, 'bad'))
    expect(code).toBe(1)
    expect(err).toContain('datadir: is not a setting')
    expect(err).toContain('sources[0].time_zone: "Mars" is not an IANA time zone')
    expect(err).toContain('sources[0].path: is required')
    expect(err).toContain('[config_invalid]')
  })

  test.each([
    [['backfill', '--source', 'asterisk', '--path', '/nowhere', '--tenant', 'acme'], 'There is nothing at /nowhere'],
    [['backfill', '--source', 'asterisk', '--path', '.', '--tenant', 'acme', '--tz', 'Mars'], '"Mars" is not an IANA time zone'],
    [['backfill', '--source', 'asterisk', '--path', '.', '--tenant', 'A C'], 'use lower-case letters'],
    [['keys', 'create', '--tenant', 'acme', '--scopes', 'everything'], '"everything" is not a scope'],
    [['--config', 'nowhere.yaml', 'up'], 'No config at'],
    [['warehouse'], 'needs a secret'],
    [['ingest'], 'No source is configured'],
  ])('callhouse %j says: %s', async (args, message) => {
    const { code, err } = await callhouse(args, join(folder, 'mistakes'))
    expect(code).toBe(1)
    expect(err).toContain(message)
  })
})
