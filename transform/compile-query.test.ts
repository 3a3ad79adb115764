import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileQuery } from './compile-query.ts'
import { dimensionNames } from './dimensions.ts'
import { metricNames } from './metrics/index.ts'
import type { QueryRequest } from './query-request.ts'

const base = { tenant_id: 'acme', metrics: ['offered'], from: '2026-10-01', to: '2026-11-01', tz: 'Europe/Berlin' }
const codeOf = (request: Partial<QueryRequest>) => {
  try {
    compileQuery({ ...base, ...request })
    return 'compiled'
  } catch (thrown) {
    return (thrown as { code: string }).code
  }
}
const messageOf = (request: Partial<QueryRequest>) => {
  try {
    return compileQuery({ ...base, ...request }).sql
  } catch (thrown) {
    return (thrown as Error).message
  }
}

describe('compileQuery', () => {
  it('writes one pruned SELECT for one fact', () => {
    const { sql, params, columns } = compileQuery({
      ...base,
      metrics: ['offered', 'service_level', 'wait_p95_ms'],
      dimensions: ['queue'],
      grain: '30m',
    })
    expect(sql).toMatchInlineSnapshot(`
      "SELECT
        toDateTime64(d_time, 0) AS time,
        d_queue AS queue,
        coalesce(nullIf(queue_names.latest_name, ''), d_queue) AS queue_name,
        m_offered AS offered,
        m_service_level AS service_level,
        m_wait_p95_ms AS wait_p95_ms
      FROM (
        SELECT
          toDateTime(toUnixTimestamp(bucket_start) - (toUnixTimestamp(bucket_start) + timezoneOffset(toTimeZone(bucket_start, {tz:String}))) % 1800, {tz:String}) AS d_time,
          queue_id AS d_queue,
          sum(offered) AS m_offered,
          sum(arrayCount(w -> w <= {threshold_ms:UInt32}, answered_waits_ms)) / nullIf(sum(offered), 0) AS m_service_level,
          quantileExactOrNullArray(0.95)(arrayConcat(answered_waits_ms, abandoned_waits_ms, other_waits_ms)) AS m_wait_p95_ms
        FROM fact_queues_generations
        WHERE tenant_id = {tenant_id:String}
          AND day BETWEEN {from_day:Date} AND {to_day:Date}
          AND (day, generation) IN (
            SELECT day, max(generation)
            FROM published_days
            WHERE fact = 'fact_queues' AND tenant_id = {tenant_id:String} AND day BETWEEN {from_day:Date} AND {to_day:Date}
            GROUP BY day
          )
          AND bucket_start >= {from:DateTime('UTC')} AND bucket_start < {to:DateTime('UTC')}
        GROUP BY d_time, d_queue
      ) AS counted
      LEFT JOIN (
        SELECT queue_id AS id, argMax(name, (ifNull(valid_from, toDateTime64(0, 3, 'UTC')), version)) AS latest_name
        FROM queues FINAL
        WHERE tenant_id = {tenant_id:String}
        GROUP BY id
      ) AS queue_names ON queue_names.id = counted.d_queue
      ORDER BY time, queue"
    `)
    expect(params).toMatchInlineSnapshot(`
      {
        "from": "2026-09-30 22:00:00",
        "from_day": "2026-09-30",
        "tenant_id": "acme",
        "threshold_ms": 20000,
        "to": "2026-10-31 23:00:00",
        "to_day": "2026-10-31",
        "tz": "Europe/Berlin",
      }
    `)
    expect(columns).toMatchInlineSnapshot(`
      [
        {
          "name": "time",
          "type": "DateTime64(0, 'Europe/Berlin')",
          "unit": "time",
        },
        {
          "name": "queue",
          "type": "String",
          "unit": "id",
        },
        {
          "name": "queue_name",
          "type": "String",
          "unit": "name",
        },
        {
          "name": "offered",
          "type": "UInt64",
          "unit": "count",
        },
        {
          "name": "service_level",
          "type": "Nullable(Float64)",
          "unit": "ratio",
        },
        {
          "name": "wait_p95_ms",
          "type": "Nullable(UInt32)",
          "unit": "ms",
        },
      ]
    `)
  })

  it('puts several facts side by side', () => {
    const { sql, params } = compileQuery({
      ...base,
      metrics: ['offered', 'aht_ms'],
      filters: ['queue:!sales,support'],
      order: ['-offered'],
      limit: 5,
      grain: '1d',
    })
    expect(sql).toMatchInlineSnapshot(`
      "SELECT
        toDateTime64(d_time, 0) AS time,
        m_offered AS offered,
        m_aht_ms AS aht_ms
      FROM (
        SELECT
          d_time,
          sum(part.m_offered) AS m_offered,
          any(part.m_aht_ms) AS m_aht_ms
        FROM (
          SELECT
            toDateTime(toDate(bucket_start, {tz:String}), {tz:String}) AS d_time,
            sum(offered) AS m_offered,
            CAST(NULL AS Nullable(Float64)) AS m_aht_ms
          FROM fact_queues_generations
          WHERE tenant_id = {tenant_id:String}
            AND day BETWEEN {from_day:Date} AND {to_day:Date}
            AND (day, generation) IN (
              SELECT day, max(generation)
              FROM published_days
              WHERE fact = 'fact_queues' AND tenant_id = {tenant_id:String} AND day BETWEEN {from_day:Date} AND {to_day:Date}
              GROUP BY day
            )
            AND bucket_start >= {from:DateTime('UTC')} AND bucket_start < {to:DateTime('UTC')}
            AND NOT ((queue_id IN {filter_0:Array(String)} OR queue_id IN (
            SELECT id FROM (
              SELECT queue_id AS id, argMax(name, (ifNull(valid_from, toDateTime64(0, 3, 'UTC')), version)) AS latest_name
              FROM queues FINAL
              WHERE tenant_id = {tenant_id:String}
              GROUP BY id
            ) WHERE latest_name IN {filter_0:Array(String)}
          )))
          GROUP BY d_time
          UNION ALL
          SELECT
            toDateTime(toDate(bucket_start, {tz:String}), {tz:String}) AS d_time,
            CAST(0 AS UInt64) AS m_offered,
            sum(handled_talk_ms + handled_hold_ms + handled_wrap_up_ms) / nullIf(sum(handled), 0) AS m_aht_ms
          FROM fact_agents_generations
          WHERE tenant_id = {tenant_id:String}
            AND day BETWEEN {from_day:Date} AND {to_day:Date}
            AND (day, generation) IN (
              SELECT day, max(generation)
              FROM published_days
              WHERE fact = 'fact_agents' AND tenant_id = {tenant_id:String} AND day BETWEEN {from_day:Date} AND {to_day:Date}
              GROUP BY day
            )
            AND bucket_start >= {from:DateTime('UTC')} AND bucket_start < {to:DateTime('UTC')}
            AND NOT ((queue_id IN {filter_0:Array(String)} OR queue_id IN (
            SELECT id FROM (
              SELECT queue_id AS id, argMax(name, (ifNull(valid_from, toDateTime64(0, 3, 'UTC')), version)) AS latest_name
              FROM queues FINAL
              WHERE tenant_id = {tenant_id:String}
              GROUP BY id
            ) WHERE latest_name IN {filter_0:Array(String)}
          )))
          GROUP BY d_time
        ) AS part
        GROUP BY d_time
      ) AS counted
      ORDER BY offered DESC NULLS LAST, time
      LIMIT {limit:UInt32}"
    `)
    expect(params).toMatchInlineSnapshot(`
      {
        "filter_0": [
          "sales",
          "support",
        ],
        "from": "2026-09-30 22:00:00",
        "from_day": "2026-09-30",
        "limit": 5,
        "tenant_id": "acme",
        "to": "2026-10-31 23:00:00",
        "to_day": "2026-10-31",
        "tz": "Europe/Berlin",
      }
    `)
  })

  it('asks nothing of the time when there is no grain', () => {
    expect(compileQuery(base).sql).toMatchInlineSnapshot(`
      "SELECT
        m_offered AS offered
      FROM (
        SELECT
          sum(offered) AS m_offered
        FROM fact_queues_generations
        WHERE tenant_id = {tenant_id:String}
          AND day BETWEEN {from_day:Date} AND {to_day:Date}
          AND (day, generation) IN (
            SELECT day, max(generation)
            FROM published_days
            WHERE fact = 'fact_queues' AND tenant_id = {tenant_id:String} AND day BETWEEN {from_day:Date} AND {to_day:Date}
            GROUP BY day
          )
          AND bucket_start >= {from:DateTime('UTC')} AND bucket_start < {to:DateTime('UTC')}
      ) AS counted"
    `)
  })

  it('never lets a value into the text', () => {
    const value = fc.string({ minLength: 1, unit: 'binary' }).map((text) => `zq${text.replaceAll('"', '')}qz`)
    fc.assert(
      fc.property(value, fc.constantFrom(...dimensionNames.filter((name) => name === 'queue' || name === 'source')), (text, dimension) => {
        const quoted = text.replaceAll('\\', '\\\\')
        const { sql, params } = compileQuery({ ...base, tenant_id: text, filters: [`${dimension}:"${quoted}"`] })
        expect(sql).not.toContain('zq')
        expect(params).toMatchObject({ tenant_id: text, filter_0: [text] })
      }),
    )
  })

  it('binds exactly the parameters its text names', () => {
    fc.assert(
      fc.property(
        fc.subarray(metricNames, { minLength: 1 }),
        fc.constantFrom('none', '1h', '1d'),
        fc.constantFrom('UTC', 'Australia/Lord_Howe'),
        (metrics, grain, tz) => {
          let compiled
          try {
            compiled = compileQuery({ ...base, metrics, grain, tz })
          } catch {
            return // metrics that do not go together
          }
          const named = new Set([...compiled.sql.matchAll(/\{(\w+):/g)].map((match) => match[1]))
          expect(new Set(Object.keys(compiled.params))).toEqual(named)
        },
      ),
    )
  })
})

describe('errors say what to write instead', () => {
  it('names the nearest metric and dimension', () => {
    expect(codeOf({ metrics: ['ofered'] })).toBe('metric_unknown')
    expect(messageOf({ metrics: ['ofered'] })).toContain('Did you mean offered')
    expect(messageOf({ metrics: ['service_level_cisco'] })).toContain('service_level')
    expect(codeOf({ dimensions: ['queu'] })).toBe('dimension_unknown')
    expect(messageOf({ dimensions: ['queu'] })).toContain('Did you mean queue')
    expect(codeOf({ dimensions: ['constructor'] })).toBe('dimension_unknown')
    expect(codeOf({ metrics: ['constructor'] })).toBe('metric_unknown')
    expect(codeOf({ metrics: [] })).toBe('bad_request')
  })

  it('names the metrics that have a dimension', () => {
    expect(codeOf({ dimensions: ['agent'] })).toBe('dimension_incompatible')
    expect(messageOf({ metrics: ['offered', 'handled'], dimensions: ['agent'] })).toMatch(
      /agent does not exist for offered\. Metrics that have it: handled/,
    )
    expect(codeOf({ metrics: ['occupancy'], dimensions: ['queue'] })).toBe('dimension_incompatible')
    expect(codeOf({ metrics: ['occupancy'], filters: ['queue:sales'] })).toBe('dimension_incompatible')
    expect(messageOf({ metrics: ['offered', 'cost'] })).toContain('cost must be split by currency')
    expect(codeOf({ metrics: ['usage_price'], filters: ['category:sms', 'currency:EUR,USD'], grain: '1d' })).toBe('compiled')
  })

  it('checks the range, the zone and the grain', () => {
    expect(codeOf({ tz: 'Mars/Base' })).toBe('zone_unknown')
    expect(codeOf({ tz: '+02:00' })).toBe('zone_unknown')
    expect(codeOf({ tz: "UTC' OR 1" })).toBe('zone_unknown')
    expect(codeOf({ tz: 'europe/berlin' })).toBe('compiled')
    expect(compileQuery({ ...base, tz: 'europe/kiev', grain: '1d' }).params['tz']).toMatch(/^Europe\/K(iev|yiv)$/)
    expect(codeOf({ to: '2026-10-01' })).toBe('range_invalid')
    expect(codeOf({ from: '2026-10-01T00:07' })).toBe('range_invalid')
    expect(codeOf({ from: 'yesterday' })).toBe('range_invalid')
    expect(codeOf({ from: '2026-02-30' })).toBe('range_invalid')
    expect(codeOf({ from: '1960-01-01' })).toBe('range_invalid')
    expect(codeOf({ to: '2200-01-01' })).toBe('range_invalid')
    expect(codeOf({ grain: '5m' })).toBe('range_invalid')
    expect(codeOf({ metrics: ['usage_price'], grain: '1h' })).toBe('range_invalid')
    expect(codeOf({ from: '2016-01-01', to: '2026-01-01', grain: '15m' })).toBe('query_too_large')
    expect(messageOf({ from: '2016-01-01', to: '2026-01-01', grain: '15m' })).toContain('grain=1h')
    expect(codeOf({ from: '2016-01-01', to: '2026-01-01', grain: '1h' })).toBe('compiled')
  })

  it('checks filters, order, limit and thresholds', () => {
    for (const filter of ['sales', ':sales', 'queue:', 'queue:a,,b', 'queue:"a', 'queue:a"b', 'queue:!'])
      expect(codeOf({ filters: [filter] }), filter).toBe('filter_invalid')
    expect(messageOf({ metrics: ['seizures'], filters: ['number:"+4930123456'] })).not.toContain('4930123456')
    expect(codeOf({ filters: ['que:sales'] })).toBe('dimension_unknown')
    expect(codeOf({ order: ['answered'] })).toBe('bad_request')
    expect(codeOf({ order: ['-offered; DROP TABLE calls'] })).toBe('bad_request')
    expect(codeOf({ limit: -1 })).toBe('bad_request')
    expect(codeOf({ threshold_ms: 1.5 })).toBe('bad_request')
    expect(codeOf({ threshold_ms: Number.NaN })).toBe('bad_request')
  })
})
