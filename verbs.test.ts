/**
 * Verbs on a live system: a real `callhouse ingest` that has the directory, one
 * of whose sources refuses its token, and commands as people run them beside it.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStores, readiness, refreshOnce, type Stores } from './app.ts'
import { normalizeConfig } from './config.ts'
import type { CanonicalRecord } from './ingest/records/index.ts'
import { openLog } from './log.ts'
import { runVerb, serveVerbs } from './run-verb.ts'
import { listKeys } from './sql/api-keys.ts'
import { verifyTenant } from './transform/verify.ts'
import type { Output } from './verb.ts'
import { lookAtFacts } from './verify.ts'

const folder = mkdtempSync(join(tmpdir(), 'callhouse-verbs-'))
const data = join(folder, 'data')
const file = join(folder, 'callhouse.yaml')
const config = normalizeConfig({ data, log_level: 'silent' })
let refusing: Server | undefined
let live: ChildProcess | undefined
let said = ''
afterAll(() => {
  live?.kill('SIGKILL')
  refusing?.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Outcome {
  code: number
  out: string
  err: string
}

function callhouse(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['callhouse.mjs', '--config', file, ...args], { cwd: import.meta.dirname }, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? -1) : 0, out, err }),
    )
  })
}

const visit = (native_id: string): CanonicalRecord => ({
  entity: 'queue_visits',
  record: {
    native_id,
    anchor_at: '2026-10-01T08:00:00Z',
    version: 1,
    call_id: 'c',
    queue_id: 'q',
    entered_at: '2026-10-01T08:00:00Z',
    outcome: 'closed',
  },
})
/** A line that an earlier parser did not understand. */
const letter = { position: 'queue_log/queue_log/0', entity: 'agent_events', code: 'unknown_event', reason: 'yesterday’s parser' } as const

/** Two tenants: `right`, and `wrong`, of which a row was changed behind the loader's back. */
async function prepare(stores: Stores): Promise<void> {
  const pause = { ...letter, payload: '1795396400|NONE|sales|SIP/ann|PAUSE|lunch' }
  await runVerbHere(stores, 'keys create', { tenant: 'wrong', name: 'n', scopes: 'read' })
  await runVerbHere(stores, 'keys create', { tenant: 'right', name: 'n', scopes: 'read' })
  for (const tenant_id of ['right', 'wrong'])
    await stores.loader.load({ stream: 's', inputs: 2, records: [visit('v')], rejects: [pause], checkpoint: null }, { tenant_id, source_id: 'pbx' })
  await refreshOnce(stores)
  await stores.warehouse.command({
    query: `INSERT INTO queue_visits SELECT * REPLACE (version + 1 AS version, 'other' AS queue_id) FROM queue_visits FINAL WHERE tenant_id = 'wrong'`,
  })
}

const quiet: Output = { is_tty: false, out: () => undefined, err: () => undefined }
const never = new AbortController().signal

/** In this process, whose own stores are open: over the socket to itself. */
async function runVerbHere(
  stores: Stores,
  ...[name, options]: Parameters<typeof runVerb> extends [unknown, infer N, infer O, ...unknown[]] ? [N, O] : never
): Promise<number> {
  let code = -1
  await serveVerbs(stores, config, [], openLog('silent'), never, async () => {
    code = await runVerb(config, name, options, never, quiet)
  })
  return code
}

describe('facts that are looked at while they change', () => {
  let stores: Stores
  beforeAll(async () => {
    stores = await openStores(config)
    await prepare(stores)
  }, 60_000)
  afterAll(() => stores.close())

  test('a day that differs is a difference where nothing goes on, and moving where a mark is not settled or it was published meanwhile', async () => {
    expect(await lookAtFacts(stores, 'right', {})).toEqual({ differences: [], moving: [] })
    const still = await lookAtFacts(stores, 'wrong', {})
    expect(still).toMatchObject({ differences: [{ fact: 'fact_queues', day: '2026-10-01' }], moving: [] })
    const mark = { tenant_id: 'wrong', entity: 'queue_visits', anchor_day: '2026-10-01', mark_id: 'm', marked_at: '2026-10-01 00:00:00.000' }
    let marks = [{ ...mark, tenant_id: 'right' }]
    const busy = { ...stores, facts: { ...stores.facts, unsettledMarks: async () => [...marks], settleMarks: async () => undefined } }
    busy.generations = { ...stores.generations, latest: async () => undefined }
    expect(await lookAtFacts(busy, 'wrong', {})).toEqual(still)
    // A refresh that sees the mark but does not rebuild: as if another record came after each.
    busy.facts.buildDays = async () => undefined
    busy.facts.publishDays = async () => undefined
    marks = [mark]
    expect(await lookAtFacts(busy, 'wrong', {})).toEqual({ differences: [], moving: still.differences })
  })

  test('verbs without a live process open the directory, and say what is wrong with their options before they do', async () => {
    await expect(runVerb(config, 'verify', { from: '2026-02-30' }, never, quiet)).rejects.toMatchObject({ code: 'range_invalid' })
    await expect(runVerb(config, 'verify', { from: '2026-02-02', to: '2026-02-01' }, never, quiet)).rejects.toMatchObject({ code: 'range_invalid' })
    await expect(runVerb(config, 'verify', { recent: true, to: '2026-02-01' }, never, quiet)).rejects.toMatchObject({ code: 'bad_request' })
    await expect(runVerbHere(stores, 'verify', { tenant: 'nobody' })).rejects.toMatchObject({ code: 'tenant_unknown' })
    expect([await runVerbHere(stores, 'verify', { tenant: 'right' }), await runVerbHere(stores, 'verify', {})]).toEqual([0, 1])
    expect(await listKeys(stores.control)).toHaveLength(2)
  })

  test('given up in the midst of any query, verify ends there, and the next one is right', async () => {
    let queries = 0
    const verifyUntil = (last: number): Promise<unknown> => {
      const stop = new AbortController()
      queries = 0
      const query: Stores['warehouse']['query'] = (params) => {
        if (++queries === last) stop.abort()
        return stores.warehouse.query(params)
      }
      const counting = new Proxy(stores.warehouse, { get: (target, name) => (name === 'query' ? query : Reflect.get(target, name)) as unknown })
      return verifyTenant(counting, stores.models, 'wrong', { signal: stop.signal }).catch((thrown: unknown) => (thrown as Error).message)
    }
    const whole = await verifyUntil(Infinity)
    const all = queries
    expect(whole).toMatchObject([{ fact: 'fact_queues' }])
    for (let at = 1; at < all; at += 3) {
      expect(await verifyUntil(at), `query ${at} of ${all}`).toMatch(/abort/)
      expect(queries).toBeLessThan(all)
    }
    expect(await verifyUntil(Infinity)).toEqual(whole)
  })

  test('a source that is down is said; a process that serves reads stays ready, one that does not is unready', async () => {
    const key = { tenant: 'right', source: 'pbx' }
    expect(await readiness(stores)).toEqual({ ready: true, checks: { warehouse: 'ok', control: 'ok', disk: 'ok' } })
    stores.sources.add(key)
    stores.sources.failed(key, 'source_unavailable')
    for (const serves_reads of [true, false]) expect(await readiness(stores, { serves_reads })).toMatchObject({ ready: true, degraded: false })
    stores.sources.failed(key, 'source_rejected')
    for (const serves_reads of [true, false])
      expect(await readiness(stores, { serves_reads })).toMatchObject({
        ready: serves_reads,
        degraded: true,
        checks: { sources: '1 of 1 cannot be read; "sources" says why' },
        sources: [{ ...key, state: 'failing', code: 'source_rejected', failures: 2 }],
      })
    stores.sources.ok(key)
    expect(await readiness(stores, { serves_reads: false })).toMatchObject({ ready: true, degraded: false, checks: { sources: 'ok' } })
  })
})

describe('beside a live process', () => {
  let metrics_url: string
  beforeAll(async () => {
    refusing = createServer((_, response) => response.writeHead(401).end('{}')).listen(0, '127.0.0.1')
    const server = refusing
    await new Promise((resolve) => server.once('listening', resolve))
    const logs = join(folder, 'asterisk')
    mkdirSync(logs)
    writeFileSync(join(logs, 'queue_log'), '')
    const telco = { id: 'telco', kind: 'pretend', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: 'secret-token' }
    const sources = [
      { id: 'pbx', tenant: 'right', kind: 'asterisk', path: logs, poll_ms: 200 },
      { ...telco, tenant: 'right', poll_ms: 200 },
    ]
    writeFileSync(file, JSON.stringify({ data, metrics: { port: 0 }, sources }))
    live = spawn(process.execPath, ['callhouse.mjs', '--config', file, 'ingest'], { cwd: import.meta.dirname })
    metrics_url = await new Promise<string>((resolve, reject) => {
      live!.stderr!.on('data', (chunk: Buffer) => (said += chunk.toString()))
      live!.stdout!.on('data', (chunk: Buffer) => {
        const found = /Metrics are at (\S+)\/metrics/.exec(chunk.toString())
        if (found) resolve(found[1]!)
      })
      live!.once('exit', (code) => reject(new Error(`ended with ${code}:\n${said}`)))
    })
  }, 60_000)

  test('several verbs at once do their work there, with the same output and exit codes', async () => {
    const [right, wrong, nobody, key, replay] = await Promise.all([
      callhouse('verify', '--tenant', 'right'),
      callhouse('verify', '--tenant', 'wrong'),
      callhouse('verify', '--tenant', 'nobody'),
      callhouse('keys', 'create', '--tenant', 'right'),
      callhouse('replay', '--tenant', 'right', '--source', 'pbx', '--dead-letters', '--apply'),
    ])
    expect(right).toEqual({ code: 0, out: 'Every fact equals its recomputation.\n', err: '' })
    expect(wrong).toMatchObject({ code: 1, err: '' })
    expect(wrong.out).toMatch(/^wrong {2}fact_queues {2}2026-10-01 {2}published 1 rows, recomputed 1 rows\n1 difference\.\n$/)
    // 1 says that something differs; so what could not be done is 2.
    expect(nobody).toMatchObject({ code: 2, out: '', err: expect.stringContaining('[tenant_unknown]') as string })
    expect(key).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^cdr_live_\w{36}\n$/) as string,
      err: expect.stringContaining('of tenant right (read)') as string,
    })
    expect(replay).toEqual({ code: 0, out: 'right/pbx  dead letters: 1 read, 1 loaded, 0 still failing\n', err: '' })
  }, 60_000)

  test('a source that refuses its token makes an ingest process unready, and is a figure; the other one is well', async () => {
    let ready: Response
    do ready = await fetch(`${metrics_url}/readyz`)
    while (ready.status === 200)
    const report = (await ready.json()) as { sources: object[]; checks: object }
    expect(report).toMatchObject({ ready: false, degraded: true, checks: { warehouse: 'ok', control: 'ok' } })
    expect(report.sources).toMatchObject([
      { tenant: 'right', source: 'pbx', state: 'ok' },
      { tenant: 'right', source: 'telco', state: 'failing', code: 'source_rejected' },
    ])
    const text = await (await fetch(`${metrics_url}/metrics`)).text()
    expect(text).toContain('cdr_source_up{tenant="right",source="pbx"} 1')
    expect(text).toContain('cdr_source_up{tenant="right",source="telco"} 0')
    expect(text).toMatch(/cdr_pull_failures_total\{tenant="right",source="telco",code="source_rejected"\} [1-9]/)
    expect(JSON.stringify(report) + text + said).not.toContain('secret-token')
  }, 30_000)

  test('after a kill -9 the socket is still there, nobody answers, and verify opens the directory itself', async () => {
    const ended = new Promise((resolve) => live!.once('exit', resolve))
    live!.kill('SIGKILL')
    await ended
    expect(existsSync(join(data, 'callhouse.sock'))).toBe(true)
    expect(await callhouse('verify', '--tenant', 'wrong')).toMatchObject({ code: 1, out: expect.stringContaining('1 difference.') as string })
  }, 60_000)
})
