import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { judgeCompleteness, readCompleteness, type CoveredPair } from './completeness.ts'
import { openFactFixture, type FactFixture } from './fact-fixture.ts'
import type { FactName } from './facts.ts'
import { parseFilter } from './parse-filter.ts'

let fixture: FactFixture
beforeAll(async () => {
  fixture = await openFactFixture()
})
afterAll(() => fixture.close())

const minute = 60_000
const noon = Date.UTC(2026, 9, 1, 12)
const text = (minutes: number) => new Date(noon + minutes * minute).toISOString().slice(0, 23).replace('T', ' ')
type Interval = readonly [from: number, to: number]

async function cover(tenant_id: string, source_id: string, entity: string, intervals: readonly Interval[], version = 1) {
  const rows = intervals.map(([from, to]) => ({ tenant_id, source_id, entity, covered_from: text(from), covered_to: text(to), version }))
  await fixture.insertRows('published_coverage', rows)
}
const read = (tenant_id: string, facts: readonly FactName[], from: number, to: number, ...filters: string[]) =>
  readCompleteness(fixture.warehouse, {
    tenant_id,
    facts,
    filters: filters.map(parseFilter),
    range: { from_ms: noon + from * minute, to_ms: noon + to * minute },
  })
const iso = (minutes: number) => new Date(noon + minutes * minute).toISOString()

describe('completeness', () => {
  it('knows nothing where no source has said anything', async () => {
    expect(await read('nobody', ['fact_calls'], 0, 60)).toEqual({ as_of: null, complete: false })
  })

  it('joins touching and overlapping intervals, and sees a gap of a minute', async () => {
    await cover('joined', 'pbx', 'calls', [
      [0, 30],
      [30, 40],
      [35, 60],
      [90, 120],
    ])
    expect(await read('joined', ['fact_calls'], 0, 60)).toEqual({ as_of: iso(120), complete: true })
    expect(await read('joined', ['fact_calls'], -1, 60)).toMatchObject({ complete: false })
    expect(await read('joined', ['fact_calls'], 0, 61)).toMatchObject({ complete: false })
    expect(await read('joined', ['fact_calls'], 95, 100)).toMatchObject({ complete: true })
    expect(await read('joined', ['fact_calls'], 110, 121)).toMatchObject({ complete: false })
  })

  it('takes the newest word about an interval, of this tenant alone', async () => {
    await cover('grown', 'pbx', 'messages', [[0, 30]], 1)
    await cover('grown', 'pbx', 'messages', [[0, 90]], 2)
    await cover('another', 'pbx', 'messages', [[0, 9000]], 3)
    expect(await read('grown', ['fact_messages'], 0, 60)).toEqual({ as_of: iso(90), complete: true })
    expect(await read('grown', ['fact_messages'], 0, 91)).toMatchObject({ complete: false })
  })

  it('is as far as the least of the sources and entities a fact needs', async () => {
    await cover('many', 'pbx', 'queue_visits', [[0, 120]])
    await cover('many', 'pbx', 'agent_states', [[0, 60]])
    await cover('many', 'late', 'queue_visits', [[0, 30]])
    await cover('many', 'pbx', 'calls', [[0, 15]])
    expect(await read('many', ['fact_queues'], 0, 30)).toEqual({ as_of: iso(30), complete: true })
    expect(await read('many', ['fact_queues'], 0, 60)).toEqual({ as_of: iso(30), complete: false })
    expect(await read('many', ['fact_queues'], 0, 60, 'source:pbx')).toEqual({ as_of: iso(120), complete: true })
    expect(await read('many', ['fact_agents'], 0, 60, 'source:!late')).toEqual({ as_of: iso(60), complete: true })
    expect(await read('many', ['fact_queues', 'fact_calls'], 0, 30)).toEqual({ as_of: iso(15), complete: false })
    expect(await read('many', ['fact_queues', 'fact_numbers'], 0, 30)).toEqual({ as_of: iso(30), complete: false }) // no source has legs
  })

  it('agrees with counting minute by minute, whatever the intervals', async () => {
    const interval = fc
      .tuple(fc.integer({ min: -20, max: 60 }), fc.integer({ min: 0, max: 40 }))
      .map(([from, length]): Interval => [from, from + length])
    const intervals = fc.uniqueArray(interval, { maxLength: 12, selector: ([from]) => from }) // one row per start
    let run = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(intervals, { maxLength: 3 }),
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        async (sources, from, length) => {
          const tenant = `property-${run++}`
          for (const [index, list] of sources.entries()) await cover(tenant, `source-${index}`, 'usage', list)
          const known = sources.filter((list) => list.length > 0)
          const covers = (list: readonly Interval[]) =>
            Array.from({ length }, (_, i) => from + i).every((at) => list.some(([start, end]) => start <= at && at < end))
          expect(await read(tenant, ['fact_usage'], from, from + length)).toEqual({
            as_of: known.length === 0 ? null : iso(Math.min(...known.map((list) => Math.max(...list.map(([, end]) => end))))),
            complete: known.length > 0 && known.every(covers),
          })
        },
      ),
      { numRuns: 80 },
    )
  })
})

describe('judgeCompleteness', () => {
  const pair = (source_id: string, covered_ms: number): CoveredPair => ({ source_id, entity: 'calls', covered_to_ms: 1000, covered_ms })
  it('lets one source that lacks a millisecond spoil the whole', () => {
    expect(judgeCompleteness([pair('a', 10), pair('b', 10)], ['fact_calls'], 10).complete).toBe(true)
    expect(judgeCompleteness([pair('a', 10), pair('b', 9)], ['fact_calls'], 10).complete).toBe(false)
  })
})
