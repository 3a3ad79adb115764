import { tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileQuery } from './compile-query.ts'
import { openFactFixture, type FactFixture } from './fact-fixture.ts'
import { metrics } from './metrics/index.ts'
import type { QueryRequest } from './query-request.ts'
import { streamBytes } from '../sql/stream-bytes.ts'
import { queryForFormat, runQuery } from './run-query.ts'

let fixture: FactFixture
const waits = (count: number, wait: number) => Array.from({ length: count }, () => wait)
const day = { tenant_id: 'acme', from: '2026-10-01', to: '2026-10-02' } as const

beforeAll(async () => {
  fixture = await openFactFixture()
  const bucket_start = '2026-10-01 09:15:00'
  // The Cisco worked example: A_T 70, B_T 10, 20 over the threshold (8 answered, 5 abandoned, 7 timed out), O 100.
  const cisco = {
    bucket_start,
    source_id: 'pbx',
    queue_id: 'sales',
    offered: 100,
    answered: 78,
    abandoned: 15,
    timed_out: 7,
    refused: 3,
    answered_wait_ms: 70 * 5000 + 8 * 30_000,
    abandoned_wait_ms: 10 * 4000 + 5 * 40_000,
    wait_ms: 70 * 5000 + 8 * 30_000 + 10 * 4000 + 5 * 40_000 + 7 * 60_000,
    answered_waits_ms: [...waits(70, 5000), ...waits(8, 30_000)],
    abandoned_waits_ms: [...waits(10, 4000), ...waits(5, 40_000)],
    other_waits_ms: waits(7, 60_000),
    wait_ms_max: 60_000,
  }
  await fixture.insert('fact_queues', 'acme', [{ ...cisco, offered: 9, answered: 9 }], 1)
  await fixture.insert('fact_queues', 'acme', [cisco, { bucket_start, source_id: 'pbx', queue_id: 'support', refused: 2 }], 2)
  await fixture.insert('fact_queues', 'acme', [{ ...cisco, offered: 5000 }], 3) // built, not yet published
  await fixture.insert('fact_queues', 'rival', [{ ...cisco, offered: 777 }], 3)
  await fixture.publish('fact_queues', 'acme', 1)
  await fixture.publish('fact_queues', 'acme', 2)
  await fixture.publish('fact_queues', 'rival', 3)
  await fixture.insert('fact_agents', 'acme', [
    {
      bucket_start,
      source_id: 'pbx',
      agent_id: 'u1',
      queue_id: 'sales',
      handled: 2,
      transferred: 1,
      handled_talk_ms: 200_000,
      handled_hold_ms: 10_000,
      handled_wrap_up_ms: 30_000,
    },
    { bucket_start, source_id: 'pbx', agent_id: 'u1', available_ms: 300_000, talking_ms: 500_000, wrap_up_ms: 100_000, ringing_ms: 50_000 },
    { bucket_start, source_id: 'pbx', agent_id: 'u2', paused_ms: 900_000 },
  ])
  await fixture.publish('fact_agents', 'acme')
  await fixture.insert('fact_calls', 'acme', [
    { bucket_start, source_id: 'pbx', direction: 'inbound', currency: 'EUR', calls: 3, answered: 2, talk_ms: 9000, cost: '0.100001' },
    { bucket_start, source_id: 'pbx', direction: 'outbound', currency: 'USD', calls: 4, answered: 1, cost: '12345678901234567890.000001' },
  ])
  await fixture.publish('fact_calls', 'acme')
  await fixture.insert('fact_usage', 'acme', [
    {
      bucket_start: '2026-10-01 00:00:00',
      source_id: 'pbx',
      account_id: 'a',
      category: 'sms',
      unit: 'messages',
      currency: 'EUR',
      quantity: 7,
      price: '0.7',
    },
    {
      bucket_start: '2026-10-01 00:00:00',
      source_id: 'pbx',
      account_id: 'a',
      category: 'calls',
      unit: 'minutes',
      currency: 'EUR',
      quantity: '2.5',
      price: '1',
    },
    {
      bucket_start: '2026-10-02 00:00:00',
      source_id: 'pbx',
      account_id: 'a',
      category: 'calls',
      unit: 'minutes',
      currency: 'EUR',
      quantity: 100,
      price: '9',
    },
  ])
  await fixture.publish('fact_usage', 'acme')
  const named = { source_id: 'pbx', anchor_day: '2026-01-01', observed_at: '2026-01-01 00:00:00', is_deleted: 0 }
  await fixture.insertRows('queues', [
    { ...named, tenant_id: 'acme', native_id: 'q1', version: 1, queue_id: 'sales', name: 'Old name' },
    { ...named, tenant_id: 'acme', native_id: 'q1', version: 2, queue_id: 'sales', name: 'Sales, north' },
    { ...named, tenant_id: 'rival', native_id: 'q1', version: 9, queue_id: 'sales', name: 'Rival sales' },
  ])
  await fixture.insertRows('users', [{ ...named, tenant_id: 'acme', native_id: 'u1', version: 1, user_id: 'u1', name: 'Ada' }])
})
afterAll(() => fixture.close())

const rowsOf = async (request: Partial<QueryRequest> & Pick<QueryRequest, 'metrics'>) =>
  (await runQuery(fixture.warehouse, { ...day, ...request })).rows

describe('golden service levels', () => {
  const levels = [
    'service_level',
    'service_level_answered_only',
    'service_level_abandon_ignored',
    'service_level_abandon_negative',
    'service_level_abandon_positive',
    'service_level_genesys',
    'answered_within',
    'short_abandons',
  ]

  it('reproduces the worked example: 77.8 % ignored, 70 % negative, 80 % positive', async () => {
    const [row] = await rowsOf({ metrics: levels })
    expect(row!['service_level_abandon_ignored']).toBeCloseTo(0.7778, 4)
    expect(row).toMatchObject({ service_level: 0.7, service_level_abandon_negative: 0.7, service_level_abandon_positive: 0.8 })
    expect(row).toMatchObject({ service_level_answered_only: 70 / 78, service_level_genesys: 70 / 83, answered_within: 70, short_abandons: 10 })
  })

  it('takes the thresholds from the question', async () => {
    const [row] = await rowsOf({ metrics: levels, threshold_ms: 30_000, short_abandon_ms: 0 })
    expect(row).toMatchObject({ service_level: 0.78, service_level_genesys: 78 / 93, answered_within: 78, short_abandons: 0 })
    expect((await rowsOf({ metrics: ['answered_within'], threshold_ms: 4999 }))[0]).toEqual({ answered_within: 0 })
    expect((await rowsOf({ metrics: ['short_abandons'], short_abandon_ms: 4000 }))[0]).toEqual({ short_abandons: 0 }) // shorter than, not equal
  })

  it('is null, not 0 % or 100 %, where nothing was offered', async () => {
    const names = [...levels, 'abandon_rate', 'asa_ms', 'average_wait_ms', 'longest_wait_ms', 'wait_p95_ms']
    const [row] = await rowsOf({ metrics: [...names, 'offered', 'refused'], dimensions: ['queue'], filters: ['queue:support'] })
    expect(row).toMatchObject({ queue: 'support', queue_name: 'support', offered: 0, refused: 2, answered_within: 0, short_abandons: 0 })
    for (const name of names.filter((each) => each !== 'answered_within' && each !== 'short_abandons')) expect(row![name], name).toBeNull()
  })
})

describe('rows', () => {
  it('reads the published generation of the tenant alone', async () => {
    expect(await rowsOf({ metrics: ['offered'] })).toEqual([{ offered: 100 }])
    expect(await rowsOf({ metrics: ['offered'], tenant_id: 'rival' })).toEqual([{ offered: 777 }])
    expect(await rowsOf({ metrics: ['offered'], tenant_id: "acme' OR '1'='1" })).toEqual([{ offered: 0 }])
  })

  it('has exact waits', async () => {
    const [row] = await rowsOf({ metrics: ['wait_p50_ms', 'wait_p80_ms', 'wait_p90_ms', 'wait_p95_ms', 'longest_wait_ms', 'asa_ms', 'flow_outs'] })
    // 10 × 4 s, 70 × 5 s, 8 × 30 s, 5 × 40 s, 7 × 60 s
    expect(row).toEqual({
      wait_p50_ms: 5000,
      wait_p80_ms: 30_000,
      wait_p90_ms: 40_000,
      wait_p95_ms: 60_000,
      longest_wait_ms: 60_000,
      asa_ms: 590_000 / 78,
      flow_outs: 7,
    })
  })

  it('puts metrics of several facts side by side, counts 0 and ratios null where a fact has no row', async () => {
    const rows = await rowsOf({ metrics: ['offered', 'handled', 'aht_ms', 'calls'], dimensions: ['queue'], grain: '1h', tz: 'Asia/Kathmandu' })
    const time = '2026-10-01T15:00:00+05:45' // 09:15 UTC
    expect(rows).toEqual([
      { time, queue: '', queue_name: '', offered: 0, handled: 0, aht_ms: null, calls: 7 },
      { time, queue: 'sales', queue_name: 'Sales, north', offered: 100, handled: 2, aht_ms: 120_000, calls: 0 },
      { time, queue: 'support', queue_name: 'support', offered: 0, handled: 0, aht_ms: null, calls: 0 },
    ])
    expect(await rowsOf({ metrics: ['offered', 'calls', 'aht_ms'] })).toEqual([{ offered: 100, calls: 7, aht_ms: 120_000 }])
  })

  it('has no row for the time agents spend in no queue when it is split by queue', async () => {
    const queues = (await rowsOf({ metrics: ['handled', 'aht_ms'], dimensions: ['queue'] })).map((row) => row['queue'])
    expect(queues).toEqual(['sales'])
    expect((await rowsOf({ metrics: ['available_ms'] }))[0]!['available_ms']).toBeGreaterThan(0)
  })

  it('names agents, and divides their time by the named denominators', async () => {
    const rows = await rowsOf({ metrics: ['handled', 'occupancy', 'occupancy_logged_in', 'logged_in_ms', 'transfer_rate'], dimensions: ['agent'] })
    expect(rows).toEqual([
      { agent: 'u1', agent_name: 'Ada', handled: 2, occupancy: 600 / 900, occupancy_logged_in: 600 / 950, logged_in_ms: 950_000, transfer_rate: 0.5 },
      { agent: 'u2', agent_name: 'u2', handled: 0, occupancy: null, occupancy_logged_in: 0, logged_in_ms: 900_000, transfer_rate: null },
    ])
  })

  it('keeps currencies apart and money exact', async () => {
    expect(await rowsOf({ metrics: ['cost', 'calls'] })).toEqual([
      { currency: 'EUR', cost: '0.100001', calls: 3 },
      { currency: 'USD', cost: '12345678901234567890.000001', calls: 4 },
    ])
    expect(await rowsOf({ metrics: ['cost'], filters: ['currency:EUR'] })).toEqual([{ cost: '0.100001' }])
  })

  it('takes a usage day for that calendar day in every zone', async () => {
    for (const tz of ['America/New_York', 'Asia/Kathmandu', 'UTC']) {
      const rows = await rowsOf({ metrics: ['usage_quantity', 'usage_price'], grain: '1d', tz })
      expect(rows.map((row) => [String(row['time']).slice(0, 19), row['category'], row['unit'], row['usage_quantity'], row['usage_price']])).toEqual([
        ['2026-10-01T00:00:00', 'calls', 'minutes', 2.5, '1'],
        ['2026-10-01T00:00:00', 'sms', 'messages', 7, '0.7'],
      ])
    }
  })

  it('filters by id, by display name, by none of, and by a hostile value', async () => {
    const offered = async (...filters: string[]) =>
      (await rowsOf({ metrics: ['refused'], dimensions: ['queue'], filters })).map((row) => row['queue'])
    expect(await offered('queue:sales')).toEqual(['sales'])
    expect(await offered('queue:"Sales, north"')).toEqual(['sales'])
    expect(await offered('queue:sales,support')).toEqual(['sales', 'support'])
    expect(await offered('queue:!"Sales, north"')).toEqual(['support'])
    expect(await offered('queue:sales,support', 'queue:!sales')).toEqual(['support'])
    expect(await offered('queue:Rival sales')).toEqual([])
    expect(await offered('queue:Old name')).toEqual([])
    expect(await offered("queue:x') OR 1=1 --")).toEqual([])
    expect(await offered('queue:\\', 'queue:"\\\\\'"')).toEqual([])
  })

  it('orders and limits as asked', async () => {
    const request = { metrics: ['refused'], dimensions: ['queue'], order: ['-refused'] }
    expect((await rowsOf(request)).map((row) => row['queue'])).toEqual(['sales', 'support'])
    expect((await rowsOf({ ...request, order: ['refused'], limit: 1 })).map((row) => row['queue'])).toEqual(['support'])
  })

  it('answers every metric in the catalogue with the type it declares', async () => {
    for (const metric of metrics) {
      const { sql, params, columns } = compileQuery({ ...day, metrics: [metric.name], grain: '1d', tz: 'Europe/Berlin' })
      const described = await fixture.warehouse.query({ query: `DESCRIBE (${sql})`, query_params: params, format: 'JSONEachRow' })
      const types = (await described.json<{ name: string; type: string }>()).map(({ name, type }) => [
        name,
        type.replace(/^LowCardinality\((.*)\)$/, '$1'),
      ])
      expect(types, metric.name).toEqual(columns.map(({ name, type }) => [name, type]))
      await runQuery(fixture.warehouse, { ...day, metrics: [metric.name], grain: '1d' })
    }
  }, 30_000)
})

describe('formats', () => {
  const request = { ...day, metrics: ['offered', 'service_level'], dimensions: ['queue'], grain: '1h', tz: 'Asia/Kathmandu' }
  const bytesOf = async (format: string) => {
    const { sql, params } = queryForFormat(request)
    return Buffer.concat(await (await streamBytes(fixture.warehouse, { query: sql, query_params: params, format })).toArray())
  }

  it('streams CSV with local times', async () => {
    expect((await bytesOf('CSVWithNames')).toString()).toBe(
      [
        '"time","queue","queue_name","offered","service_level"',
        '"2026-10-01 15:00:00","sales","Sales, north",100,0.7',
        '"2026-10-01 15:00:00","support","support",0,\\N',
        '',
      ].join('\n'),
    )
  })

  it('streams Arrow with the zone in the type', async () => {
    const table = tableFromIPC(await bytesOf('ArrowStream'))
    expect(table.schema.fields.map((field) => field.name)).toEqual(['time', 'queue', 'queue_name', 'offered', 'service_level'])
    expect(String(table.schema.fields[0]!.type)).toBe('Timestamp<SECOND, Asia/Kathmandu>')
    expect(table.toArray().map((row) => [String(row.queue), Number(row.offered), row.service_level])).toEqual([
      ['sales', 100, 0.7],
      ['support', 0, null],
    ])
  })

  it('says how far the sources reach', async () => {
    expect(await runQuery(fixture.warehouse, request)).toMatchObject({ as_of: null, complete: false })
    const covered_to = '2026-10-05 12:00:00.250'
    await fixture.insertRows('published_coverage', [
      { tenant_id: 'acme', source_id: 'pbx', entity: 'queue_visits', covered_from: '2026-09-01 00:00:00', covered_to, version: 1 },
    ])
    expect(await runQuery(fixture.warehouse, request)).toMatchObject({ as_of: '2026-10-05T12:00:00.250Z', complete: true })
    expect(await runQuery(fixture.warehouse, { ...request, to: '2026-10-06' })).toMatchObject({ complete: false })
  })

  it('refuses to build more rows than a JSON answer may have, rather than cut it short', async () => {
    await fixture.warehouse.command({
      query: `INSERT INTO fact_messages_generations (tenant_id, day, generation, bucket_start, campaign, messages)
        SELECT 'acme', '2026-10-01', 1, '2026-10-01 00:00:00', toString(number), 1 FROM numbers(100001)`,
    })
    await fixture.publish('fact_messages', 'acme', 1, ['2026-10-01'])
    const many = { ...day, metrics: ['messages'], dimensions: ['campaign'] }
    await expect(runQuery(fixture.warehouse, many)).rejects.toMatchObject({ code: 'query_too_large' })
    expect((await runQuery(fixture.warehouse, { ...many, limit: 100_000 })).rows).toHaveLength(100_000)
  })
})
