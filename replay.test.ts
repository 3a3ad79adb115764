/** What is stored, read again with a newer parser: shown first, published once, and never in the way of a later update. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStores, type Stores } from './app.ts'
import { normalizeConfig } from './config.ts'
import type { CanonicalRecord } from './ingest/records/index.ts'
import { replayDeadLetters } from './ingest/replay-dead-letters.ts'
import { replayRecords, type RecordReplay } from './ingest/replay-records.ts'
import type { Batch, Reject, Source } from './ingest/source.ts'
import { createSource } from './ingest/sources/index.ts'
import { refreshFacts } from './transform/refresh.ts'
import { verifyTenant } from './transform/verify.ts'

const START_MS = Date.UTC(2026, 10, 20)
const HOUR_MS = 3_600_000
const data = mkdtempSync(join(tmpdir(), 'callhouse-replay-'))
let stores: Stores
let tenants = 0
beforeAll(async () => {
  stores = await openStores(normalizeConfig({ data }))
})
afterAll(async () => {
  await stores.close()
  rmSync(data, { recursive: true, force: true })
})

/** What a phone system said of a visit. */
interface Said {
  id: string
  hour: number
  queue: string
  version: number
  gone?: boolean
}

/** A parser, and the next release's, which reads queues' names in upper case and times an hour later. */
type Release = 'old' | 'new'
function parse(said: Said, release: Release): CanonicalRecord {
  const entered_ms = START_MS + (said.hour + (release === 'new' ? 1 : 0)) * HOUR_MS
  return {
    entity: 'queue_visits',
    record: {
      native_id: said.id,
      anchor_at: START_MS,
      version: said.version,
      is_deleted: said.gone === true,
      payload: JSON.stringify(said),
      call_id: `c${said.id}`,
      queue_id: release === 'new' ? said.queue.toUpperCase() : said.queue,
      entered_at: entered_ms,
      outcome: 'abandoned',
      exited_at: entered_ms + 5_000,
      wait_ms: 5_000,
    },
  }
}

function sourceOf(release: Release): Source {
  return {
    kind: 'test',
    entities: ['queue_visits'],
    pull: () => {
      throw new Error('a replay pulls nothing')
    },
    reparse: ({ payload }) =>
      payload.startsWith('{')
        ? { records: [parse(JSON.parse(payload) as Said, release)], rejects: [] }
        : { records: [], rejects: [{ code: 'not_json', reason: 'the payload is not JSON' }] },
  }
}

const batchOf = (records: CanonicalRecord[], rejects: Reject[] = []): Batch => ({
  stream: 's',
  inputs: records.length + rejects.length,
  records,
  rejects,
  checkpoint: null,
})
const freshTarget = () => ({ tenant_id: `t${tenants++}`, source_id: 's' })
type Target = ReturnType<typeof freshTarget>
const load = (target: Target, said: Said[], release: Release) => stores.loader.load(batchOf(said.map((one) => parse(one, release))), target)
const replay = (target: Target, apply: boolean, release: Release = 'new'): Promise<RecordReplay> =>
  replayRecords(stores.warehouse, stores.loader, sourceOf(release), 'queue_visits', target, { apply })

async function visitsOf({ tenant_id }: Target): Promise<{ id: string; queue: string; hour: number }[]> {
  const result = await stores.warehouse.query({
    query: `SELECT native_id AS id, queue_id AS queue, toUInt32(dateDiff('hour', toDateTime64('2026-11-20 00:00:00', 3, 'UTC'), entered_at)) AS hour
      FROM queue_visits FINAL WHERE tenant_id = {tenant_id:String} ORDER BY id`,
    query_params: { tenant_id },
    format: 'JSONEachRow',
  })
  return await result.json()
}

async function factsOf({ tenant_id }: Target): Promise<{ queue_id: string; hour: number; offered: number }[]> {
  await refreshFacts(stores)
  expect(await verifyTenant(stores.warehouse, stores.models, tenant_id)).toEqual([])
  const result = await stores.warehouse.query({
    query: `SELECT queue_id, toUInt32(dateDiff('hour', toDateTime('2026-11-20 00:00:00', 'UTC'), bucket_start)) AS hour, toUInt32(sum(f.offered)) AS offered
      FROM fact_queues AS f WHERE tenant_id = {tenant_id:String} GROUP BY queue_id, hour HAVING offered > 0 ORDER BY hour, queue_id`,
    query_params: { tenant_id },
    format: 'JSONEachRow',
  })
  return await result.json()
}

const one: Said = { id: 'a', hour: 23, queue: 'sales', version: 5 }

describe('records', () => {
  test('a dry run says what would change, by column and never by value, and changes nothing', async () => {
    const target = freshTarget()
    await load(target, [one, { ...one, id: 'b', queue: '7' }], 'old')
    const diff = await replay(target, false)
    expect(diff).toMatchObject({ records: 2, changed: 2, unchanged: 0, failing: 0, unreadable: 0 })
    expect([...diff.examples.keys()].sort()).toEqual(['changed: entered_at, exited_at', 'changed: queue_id, entered_at, exited_at'])
    expect(await visitsOf(target)).toMatchObject([
      { queue: 'sales', hour: 23 },
      { queue: '7', hour: 23 },
    ])
    expect(await replay(target, false, 'old')).toMatchObject({ unchanged: 2, changed: 0 })
  })

  test('an applied one moves facts to their new day; a second one finds nothing to do', async () => {
    const target = freshTarget()
    await load(target, [one], 'old')
    expect(await factsOf(target)).toEqual([{ queue_id: 'sales', hour: 23, offered: 1 }])
    expect(await replay(target, true)).toMatchObject({ changed: 1 })
    expect(await factsOf(target)).toEqual([{ queue_id: 'SALES', hour: 24, offered: 1 }])
    expect(await replay(target, true)).toMatchObject({ changed: 0, unchanged: 1 })
    expect(await factsOf(target)).toEqual([{ queue_id: 'SALES', hour: 24, offered: 1 }])
  })

  test('what was delivered before cannot undo it, and a later update or deletion beats it', async () => {
    const target = freshTarget()
    await load(target, [one], 'old')
    await replay(target, true)
    await load(target, [one], 'old')
    expect(await visitsOf(target)).toMatchObject([{ queue: 'SALES', hour: 24 }])
    await load(target, [{ ...one, version: 6, hour: 2 }], 'new')
    expect(await visitsOf(target)).toMatchObject([{ queue: 'SALES', hour: 3 }])
    await load(target, [{ ...one, version: 6, gone: true }], 'new')
    expect(await visitsOf(target)).toEqual([])
    expect(await replay(target, true)).toMatchObject({ records: 0 })
    expect(await factsOf(target)).toEqual([])
  })

  test('a parser and the one before it can be replayed in turns', async () => {
    const target = freshTarget()
    await load(target, [one], 'old')
    for (const release of ['new', 'old', 'new', 'old'] as const) {
      expect(await replay(target, true, release)).toMatchObject({ changed: 1 })
      expect(await visitsOf(target)).toMatchObject([{ queue: release === 'new' ? 'SALES' : 'sales' }])
    }
  })

  test('what would get another identity or day, or no longer parses, is left as it is and counted', async () => {
    const target = freshTarget()
    await load(target, [one], 'old')
    const other = (change: (item: CanonicalRecord) => void): Source => ({
      ...sourceOf('new'),
      reparse: (stored) => {
        const item = parse(JSON.parse(stored.payload) as Said, 'new')
        change(item)
        return { records: [item], rejects: [] }
      },
    })
    const sources = [
      other((item) => (item.record.native_id = 'z')),
      other((item) => (item.record.anchor_at = START_MS + 48 * HOUR_MS)),
      other((item) => ((item.record as { wait_ms: number }).wait_ms = -1)),
    ]
    for (const source of sources)
      expect(await replayRecords(stores.warehouse, stores.loader, source, 'queue_visits', target, { apply: true })).toMatchObject({
        failing: 1,
        changed: 0,
      })
    expect(await visitsOf(target)).toMatchObject([{ id: 'a', queue: 'sales' }])
  })

  test('after any mix of deliveries and replays the newest version stands, as the newest parser reads it', async () => {
    const said = fc.record({
      id: fc.constantFrom('a', 'b', 'c'),
      version: fc.integer({ min: 1, max: 5 }),
      gone: fc.boolean(),
    })
    // A version has one content; so its hour and queue follow from its id and number.
    const full = (each: { id: string; version: number; gone: boolean }): Said => ({
      ...each,
      hour: each.version * 7,
      queue: `q${each.version % 2}`,
      gone: each.gone && each.version === 5,
    })
    const steps = fc.array(
      fc.oneof(
        said.map((each) => ({ said: full(each) })),
        fc.constant('replay' as const),
      ),
      { minLength: 1, maxLength: 12 },
    )
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const target = freshTarget()
        for (const step of list) await (step === 'replay' ? replay(target, true) : load(target, [step.said], 'old'))
        await replay(target, true)
        const newest = new Map<string, Said>()
        for (const step of list)
          if (step !== 'replay') {
            const before = newest.get(step.said.id)
            // A deletion beats everything else under its version.
            if (!before || step.said.version > before.version || (step.said.version === before.version && step.said.gone))
              newest.set(step.said.id, step.said)
          }
        const expected = [...newest.values()].filter(({ gone }) => !gone).sort((a, b) => (a.id < b.id ? -1 : 1))
        expect(await visitsOf(target)).toEqual(expected.map(({ id, queue, hour }) => ({ id, queue: queue.toUpperCase(), hour: hour + 1 })))
        await factsOf(target)
      }),
      { numRuns: 8, seed: 20261123 },
    )
  })
})

describe('dead letters', () => {
  async function lettersOf({ tenant_id }: Target): Promise<{ position: string; attempts: number; reason: string }[]> {
    const result = await stores.warehouse.query({
      query: 'SELECT position, attempts, reason FROM dead_letters FINAL WHERE tenant_id = {tenant_id:String} ORDER BY position',
      query_params: { tenant_id },
      format: 'JSONEachRow',
    })
    return await result.json()
  }
  const reject = (position: string, payload: string, more: Partial<Reject> = {}): Reject => ({
    position,
    entity: 'queue_visits',
    code: 'field_invalid',
    reason: 'yesterday’s parser',
    payload,
    ...more,
  })

  test('those that parse today are loaded once and go; the others stay, and say how often they were tried', async () => {
    const target = freshTarget()
    await stores.loader.load(
      batchOf([], [reject('p/1', JSON.stringify(one)), reject('p/2', 'rubbish'), reject('p/3', '{"id":', { code: 'too_long' })]),
      target,
    )
    const run = (apply: boolean) => replayDeadLetters(stores.warehouse, stores.loader, sourceOf('new'), target, { apply })
    expect(await run(false)).toMatchObject({ letters: 3, loaded: 1, failing: 2 })
    expect(await lettersOf(target)).toHaveLength(3)
    expect(await run(true)).toMatchObject({ letters: 3, loaded: 1, failing: 2 })
    expect(await lettersOf(target)).toEqual([
      { position: 'p/2', attempts: 1, reason: 'the payload is not JSON' },
      { position: 'p/3', attempts: 1, reason: 'yesterday’s parser' },
    ])
    expect(await run(true)).toMatchObject({ letters: 2, loaded: 0, failing: 2 })
    expect((await lettersOf(target)).map(({ attempts }) => attempts)).toEqual([2, 2])
    expect(await factsOf(target)).toEqual([{ queue_id: 'SALES', hour: 24, offered: 1 }])
  })

  test('one that is older than what came since changes nothing', async () => {
    const target = freshTarget()
    await load(target, [{ ...one, version: 9, queue: 'later' }], 'new')
    await stores.loader.load(batchOf([], [reject('p/1', JSON.stringify(one))]), target)
    await replayDeadLetters(stores.warehouse, stores.loader, sourceOf('new'), target, { apply: true })
    expect(await visitsOf(target)).toMatchObject([{ queue: 'LATER' }])
    expect(await lettersOf(target)).toEqual([])
  })

  test('each kind of source reads its own again', () => {
    const pretend = createSource({ id: 's', tenant: 't', kind: 'pretend', url: 'http://127.0.0.1:1', token: 'x' })
    const item = { id: 'v1', created_at: '2026-11-20T00:00:00.000Z', updated_at: '2026-11-20T00:00:01.000Z', queue_id: 'sales' }
    expect(pretend.reparse!({ entity: 'queue_visits', payload: JSON.stringify(item) }).records).toMatchObject([
      { entity: 'queue_visits', record: { native_id: 'v1', version: Date.UTC(2026, 10, 20, 0, 0, 1) } },
    ])
    expect(pretend.reparse!({ entity: 'queue_visits', payload: '{}' }).rejects).toMatchObject([{ code: 'identity_missing' }])

    const kafka = createSource({ id: 's', tenant: 't', kind: 'kafka', brokers: ['b'], topics: ['t'], group_id: 'g' })
    const message = '{"entity":"calls","record":{"native_id":"c1"}}'
    expect(kafka.reparse!({ entity: '', payload: message, position: 'cdr/3/41' }).records).toMatchObject([
      { record: { native_id: 'c1', version: 41 } },
    ])
    expect(kafka.reparse!({ entity: 'calls', payload: '{"vendor":1}', native_id: 'c1', version: 7 })).toEqual({ records: [], rejects: [] })

    const asterisk = createSource({ id: 's', tenant: 't', kind: 'asterisk', path: '/nowhere' })
    const read = (position: string, payload: string, code: Reject['code'] = 'unknown_event', reason = '') =>
      asterisk.reparse!({ entity: '', payload, position, code, reason })
    const pause = '1795396400|NONE|sales|SIP/ann|PAUSE|lunch'
    expect(read('queue_log/queue_log/0', pause).records).toMatchObject([{ entity: 'agent_events', record: { kind: 'pause' } }])
    // A visit is more than a line.
    expect(read('queue_log/queue_log/0', '1795396400|1795396400.1|sales|NONE|ENTERQUEUE||5551234|1')).toEqual({ records: [], rejects: [] })
    expect(
      read('queue_log/queue_log/0', pause, 'field_invalid', 'its time is impossible, or more than 30 days from the lines around it').rejects,
    ).toHaveLength(1)
  })
})
