/** `callhouse sources add` and `callhouse import`, as people run them: a process, its standard input, and what is on the disk afterwards. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig } from './config.ts'
import { withSource } from './config-file.ts'
import { startTelco, type Telco } from './fixtures/telco-server.ts'

const root = import.meta.dirname
const folder = mkdtempSync(join(tmpdir(), 'callhouse-add-'))
let telco: Telco
let place: string

beforeAll(async () => {
  telco = await startTelco({ days: 1, calls_per_day: 30, token: 's3cret-token' })
}, 30_000)
afterAll(async () => {
  await telco.close()
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(() => {
  place = mkdtempSync(join(folder, 'case-'))
})

interface Outcome {
  code: number
  out: string
  err: string
}

/** Runs the command in a directory of its own; `input` is what somebody types. */
function callhouse(args: string[], { input = '', env = {} }: { input?: string; env?: Record<string, string> } = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'callhouse.mjs'), ...args], { cwd: place, env: { ...process.env, ...env } })
    let [out, err] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? -1, out, err }))
    child.stdin.end(input)
  })
}

const file = () => join(place, 'callhouse.yaml')
const written = () => readFileSync(file(), 'utf8')
const add = (...more: string[]) => ['sources', 'add', '--kind', 'pretend', '--set', `url=${telco.url}`, ...more]

describe('sources add', () => {
  test('without questions: tries it, shows records, writes the source; the secret stays in the environment', async () => {
    const outcome = await callhouse(add('--tenant', 'acme', '--set', 'token=${TELCO_TOKEN}', '--set', 'page_size=50', '--yes'), {
      env: { TELCO_TOKEN: 's3cret-token' },
    })
    expect(outcome).toMatchObject({ code: 0, err: '' })
    expect(outcome.out).toMatch(/Its first records.*\n\n\w+\n {2}native_id +\S+/s)
    expect(outcome.out).toContain('Written to callhouse.yaml')
    expect(loadConfig({ file: file(), env: { TELCO_TOKEN: 'x' } }).sources).toMatchObject([
      { id: 'pretend', tenant: 'acme', kind: 'pretend', options: { url: telco.url, token: 'x', page_size: 50 } },
    ])
    expect(written() + outcome.out).not.toContain('s3cret')
    expect(readdirSync(place)).toEqual(['callhouse.yaml'])
  }, 30_000)

  test('with wrong credentials ends with 1 and writes nothing', async () => {
    writeFileSync(file(), 'data: ./data\n')
    const outcome = await callhouse(add('--set', 'token=wrong-one', '--yes'))
    expect(outcome.code).toBe(1)
    expect(outcome.err).toMatch(/answered 401\. The token is wrong.*\[source_rejected\]/)
    expect(outcome.out + outcome.err).not.toContain('wrong-one')
    expect(written()).toBe('data: ./data\n')
    expect(readdirSync(place)).toEqual(['callhouse.yaml'])
  }, 30_000)

  test('asks for what is missing, does not repeat the secret, and says which variable to set', async () => {
    const answers = ['pretend', 'telco', 'acme', telco.url, 's3cret-token', 'y']
    const outcome = await callhouse(['sources', 'add'], { input: `${answers.join('\n')}\n` })
    expect(outcome).toMatchObject({ code: 0, err: '' })
    expect(outcome.out).toContain('token: the API token (not shown')
    expect(outcome.out).toContain('Set the environment variable TELCO_TOKEN')
    expect(outcome.out + written()).not.toContain('s3cret')
    expect(loadConfig({ file: file(), env: { TELCO_TOKEN: 'x' } }).sources).toMatchObject([{ id: 'telco', options: { token: 'x' } }])
  }, 30_000)

  test('writes nothing where somebody says no, says nothing, or forgets what is needed', async () => {
    const no = await callhouse(add('--id', 'a', '--tenant', 't', '--set', 'token=s3cret-token'), { input: 'n\n' })
    expect(no).toMatchObject({ code: 1, err: '' })
    const silent = await callhouse(['sources', 'add', '--kind', 'pretend'])
    expect(silent).toMatchObject({ code: 1, err: expect.stringContaining('There was no answer') })
    const forgotten = await callhouse(add('--yes'))
    expect(forgotten).toMatchObject({ code: 1, err: expect.stringContaining('token: is required for kind pretend') })
    const unset = await callhouse(add('--set', 'token=${NO_SUCH_TOKEN}', '--yes'))
    expect(unset).toMatchObject({ code: 1, err: expect.stringContaining('NO_SUCH_TOKEN is not set') })
    const misspelt = await callhouse(add('--set', 'tokin=s3cret-token', '--yes'))
    expect(misspelt).toMatchObject({ code: 1, err: expect.stringContaining('--set tokin is no option of kind pretend') })
    expect(misspelt.err).not.toContain('s3cret')
    expect(existsSync(file())).toBe(false)
  }, 60_000)
})

describe('the configuration file', () => {
  const source = { id: 'telco', tenant: 'acme', kind: 'pretend', url: 'http://127.0.0.1:1', token: '${T}' }

  test('keeps every line, comments and order', () => {
    const before = readFileSync(join(root, 'callhouse.example.yaml'), 'utf8')
    const after = withSource(before, source, 'callhouse.yaml')
    let at = 0
    const lines = after.split('\n')
    for (const line of before.split('\n').filter((text) => text !== '')) {
      const found = lines.indexOf(line, at)
      expect(found, line).toBeGreaterThanOrEqual(at)
      at = found + 1
    }
    writeFileSync(file(), after)
    expect(loadConfig({ file: file(), env: { T: 'x' } }).sources.map(({ id }) => id)).toEqual(['head-office', 'telco'])
  })

  test('is made where there is none; a source that is there already is refused', () => {
    for (const text of ['', '# only a comment\n', 'sources:\n', 'sources: []\n']) {
      const after = withSource(text, source, 'callhouse.yaml')
      if (text.startsWith('#')) expect(after).toContain('# only a comment')
      expect(() => withSource(after, source, 'callhouse.yaml')).toThrow(/has a source "telco"/)
    }
    expect(() => withSource('sources: {a: 1}', source, 'callhouse.yaml')).toThrow(/not a list/)
    expect(() => withSource('a: [', source, 'callhouse.yaml')).toThrow(/not YAML/)
  })

  test('keeps who may read it', async () => {
    writeFileSync(file(), 'data: ./data\n', { mode: 0o600 })
    expect((await callhouse(add('--set', 'token=s3cret-token', '--yes'))).code).toBe(0)
    expect(statSync(file()).mode & 0o777).toBe(0o600)
  }, 30_000)
})

describe('import', () => {
  const rows = 'id,at,secs\nc1,2026-03-01 10:00:00,90\nc2,2026-03-01 10:05:00,soon\nc3,2026-03-01 10:06:00,-1\nc4,2026-03-01 10:07:00,-2\nshort\n'
  const mapping = `
zone: source
records:
  entity: calls
  native_id: id
  anchor_at: at
  fields:
    direction: { const: inbound }
    disposition: { const: answered }
    started_at: at
    talk_ms: { from: secs, unit: s }
`
  const args = ['import', '--path', 'calls.csv', '--mapping', 'calls.yaml', '--tenant', 'acme', '--tz', 'Europe/Berlin']
  beforeEach(() => {
    writeFileSync(join(place, 'calls.csv'), rows)
    writeFileSync(join(place, 'calls.yaml'), mapping)
  })

  test('--dry-run shows the first records and every reason with its count, and touches nothing', async () => {
    const outcome = await callhouse([...args, '--dry-run'])
    expect(outcome).toMatchObject({ code: 1, err: '' })
    expect(outcome.out).toMatch(/^calls\n {2}native_id +c1\n {2}anchor_at +2026-03-01T09:00:00\.000Z\n/)
    expect(outcome.out).toMatch(/ {2}talk_ms +90000\n/)
    expect(outcome.out).toContain('5 rows read: 1 records, 4 refused. Nothing was stored.')
    expect(outcome.out.replace(/ +/g, ' ')).toContain(' 2 field_invalid: talk_ms is a negative duration (first: calls.csv:4@')
    expect(outcome.out.replace(/ +/g, ' ')).toContain(' 1 field_invalid: talk_ms is not a number (first: calls.csv:3@')
    expect(outcome.out.replace(/ +/g, ' ')).toContain(' 1 too_few_fields: has 1 fields where the file has 3 columns (first: calls.csv:6@')
    expect(readdirSync(place).sort()).toEqual(['calls.csv', 'calls.yaml'])
  }, 30_000)

  test('loads once; again it changes nothing', async () => {
    const first = await callhouse(args)
    expect(first).toMatchObject({ code: 0, err: '' })
    expect(first.out).toContain('5 lines read')
    expect(first.out).toContain('1 accepted, 4 kept as dead letters')
    expect((await callhouse(args)).out).toContain('0 lines read')
  }, 60_000)
})
