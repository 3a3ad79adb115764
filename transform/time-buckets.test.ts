import fc from 'fast-check'
import { DateTime } from 'luxon'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openFactFixture, type FactFixture } from './fact-fixture.ts'
import { runQuery } from './run-query.ts'
import type { Grain } from './time-range.ts'

const quarter = 900_000
const first = Date.UTC(2026, 0, 1)
const last = Date.UTC(2027, 0, 1)
/** A weight per quarter of an hour that no wrong grouping adds up to by chance. */
const weight = (ms: number) => 1 + (((((ms / quarter) * 2_654_435_761) % 1009) + 1009) % 1009)

let fixture: FactFixture
beforeAll(async () => {
  fixture = await openFactFixture()
  const rows = []
  for (let ms = first; ms < last; ms += quarter) {
    rows.push({ bucket_start: new Date(ms).toISOString().slice(0, 19).replace('T', ' '), source_id: 'pbx', direction: 'inbound', calls: weight(ms) })
  }
  await fixture.insert('fact_calls', 'acme', rows)
  await fixture.publish('fact_calls', 'acme')
})
afterAll(() => fixture.close())

async function query(from: number | string, to: number | string, tz: string, grain: string): Promise<[string, number][]> {
  const text = (at: number | string) => (typeof at === 'number' ? new Date(at).toISOString() : at)
  const result = await runQuery(fixture.warehouse, { tenant_id: 'acme', metrics: ['calls'], from: text(from), to: text(to), tz, grain })
  return result.rows.map((row) => [String(row['time']), Number(row['calls'])])
}

/** The oracle: walks the quarters one by one with luxon; a bucket is a run of quarters with one local floor and one offset. */
function expected(from: number, to: number, tz: string, grain: Grain): [string, number][] {
  const minutes = { '15m': 15, '30m': 30, '1h': 60 }[grain as '15m']
  const key = (ms: number) => {
    const local = DateTime.fromMillis(ms, { zone: tz })
    if (!minutes) return local.startOf(({ '1d': 'day', '1w': 'week', '1mo': 'month' } as const)[grain as '1d']).toMillis()
    return `${local
      .startOf('hour')
      .plus({ minutes: Math.floor(local.minute / minutes) * minutes })
      .toFormat("yyyy-MM-dd'T'HH:mm")} ${local.offset}`
  }
  const sums = new Map<string, number>()
  for (let ms = from; ms < to; ms += quarter) {
    const group = key(ms)
    let start = typeof group === 'number' ? group : ms
    if (typeof group === 'string') while (key(start - quarter) === group) start -= quarter
    const label = DateTime.fromMillis(start, { zone: tz }).toFormat("yyyy-MM-dd'T'HH:mm:ssZZ")
    sums.set(label, (sums.get(label) ?? 0) + weight(ms))
  }
  return [...sums].sort(([a], [b]) => DateTime.fromISO(a).toMillis() - DateTime.fromISO(b).toMillis())
}

const zones = ['Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/Santiago', 'Africa/Casablanca', 'UTC']
const shiftDays = ['2026-02-15', '2026-03-08', '2026-03-22', '2026-03-29', '2026-04-05', '2026-09-06', '2026-10-04', '2026-10-25', '2026-11-01']

describe('buckets of a zone', () => {
  it('groups every quarter of an hour where the local clock puts it, in any zone, grain and range', async () => {
    const aroundShift = fc
      .tuple(fc.constantFrom(...shiftDays), fc.integer({ min: -200, max: 100 }))
      .map(([day, quarters]) => Date.parse(day) + quarters * quarter)
    const anywhere = fc.integer({ min: 0, max: 34_000 }).map((quarters) => first + quarters * quarter)
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...zones),
        fc.constantFrom<Grain>('15m', '30m', '1h', '1d', '1w', '1mo'),
        fc.oneof(aroundShift, anywhere),
        fc.integer({ min: 1, max: 400 }),
        async (tz, grain, from, quarters) => {
          const to = from + quarters * quarter
          expect(await query(from, to, tz, grain)).toEqual(expected(from, to, tz, grain))
        },
      ),
      { numRuns: 60 },
    )
  }, 60_000)

  it('adds up to the same whole by any grain', async () => {
    for (const tz of zones) {
      const whole = await query('2026-02-01', '2026-12-01', tz, 'none')
      for (const grain of ['15m', '30m', '1h', '1d', '1w', '1mo']) {
        const sum = (await query('2026-02-01', '2026-12-01', tz, grain)).reduce((total, [, calls]) => total + calls, 0)
        expect(sum, `${tz} ${grain}`).toBe(whole[0]![1])
      }
    }
  }, 60_000)

  it('has 92 and 100 quarters on the days Berlin changes its clock, and the double hour twice', async () => {
    expect(await query('2026-03-29', '2026-03-30', 'Europe/Berlin', '15m')).toHaveLength(92)
    expect(await query('2026-10-25', '2026-10-26', 'Europe/Berlin', '15m')).toHaveLength(100)
    const hours = (await query('2026-10-25T01:00', '2026-10-25T04:00', 'Europe/Berlin', '1h')).map(([time]) => time)
    expect(hours).toEqual(['2026-10-25T01:00:00+02:00', '2026-10-25T02:00:00+02:00', '2026-10-25T02:00:00+01:00', '2026-10-25T03:00:00+01:00'])
  })

  it('never reaches back over a half-hour shift (Lord Howe)', async () => {
    const back = (await query('2026-04-05T00:00', '2026-04-05T04:00', 'Australia/Lord_Howe', '1h')).map(([time]) => time.slice(11))
    expect(back).toEqual(['00:00:00+11:00', '01:00:00+11:00', '01:30:00+10:30', '02:00:00+10:30', '03:00:00+10:30'])
    const forward = (await query('2026-10-04T00:00', '2026-10-04T04:00', 'Australia/Lord_Howe', '1h')).map(([time]) => time.slice(11))
    expect(forward).toEqual(['00:00:00+10:30', '01:00:00+10:30', '02:30:00+11:00', '03:00:00+11:00'])
  })

  it('starts weeks on Monday and days at the zone’s own midnight, even one that does not exist', async () => {
    expect((await query('2026-10-28', '2026-11-04', 'Europe/Berlin', '1w')).map(([time]) => time)).toEqual([
      '2026-10-26T00:00:00+01:00',
      '2026-11-02T00:00:00+01:00',
    ])
    // Santiago's clock goes from 24:00 to 01:00.
    expect((await query('2026-09-05', '2026-09-08', 'America/Santiago', '1d')).map(([time]) => time)).toEqual([
      '2026-09-05T00:00:00-04:00',
      '2026-09-06T01:00:00-03:00',
      '2026-09-07T00:00:00-03:00',
    ])
  })
})
