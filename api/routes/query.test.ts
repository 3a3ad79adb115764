/** Metrics and reports: every format says the same. */
import { tableFromIPC } from 'apache-arrow'
import { parse } from 'csv-parse/sync'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { COUNTS, openWorld, type World } from '../test-world.ts'

let world: World
let app: FastifyInstance
beforeAll(async () => {
  world = await openWorld()
  app = world.server()
})
afterAll(async () => {
  await app.close()
  await world.close()
})

const ask = (url: string, headers: Record<string, string> = {}) =>
  app.inject({ url, headers: { authorization: `Bearer ${world.keys.acme}`, ...headers } })
const range = 'from=2026-03-01&to=2026-03-06'

interface Answer {
  columns: { name: string; unit: string; type: string }[]
  rows: Record<string, string | number | null>[]
  as_of: string | null
  complete: boolean
}

it('counts what was loaded', async () => {
  const { rows, columns, as_of, complete } = (await ask(`/v1/query?metrics=offered,answered,abandoned&${range}`)).json<Answer>()
  expect(rows).toEqual([{ offered: COUNTS.queue_visits, answered: 72, abandoned: 24 }])
  expect(columns.map(({ name }) => name)).toEqual(['offered', 'answered', 'abandoned'])
  expect([as_of, complete]).toEqual(['2026-03-05T12:00:00.000Z', false])
  expect((await ask('/v1/query?metrics=offered&from=2026-03-01&to=2026-03-05')).json<Answer>().complete).toBe(true)
})

it('takes thresholds in milliseconds and in seconds, and filters as often as they come', async () => {
  const [ms, s, none] = await Promise.all(
    ['threshold_ms=30000', 'threshold_s=30', 'threshold_ms=0'].map(
      async (threshold) => (await ask(`/v1/query?metrics=service_level&${range}&${threshold}`)).json<Answer>().rows[0],
    ),
  )
  expect(ms).toEqual(s)
  expect(ms).not.toEqual(none)
  const filtered = (
    await ask(`/v1/query?metrics=offered&dimensions=queue&${range}&filter=queue:acme-queue-0,acme-queue-1&filter=queue:!acme-queue-1`)
  ).json<Answer>()
  expect(filtered.rows.map((row) => row.queue)).toEqual(['acme-queue-0'])
})

it.each(['Europe/Berlin', 'Asia/Kathmandu'])('says the same in JSON, CSV and Arrow, in %s', async (tz) => {
  const url = `/v1/query?metrics=offered,asa_ms,service_level,longest_wait_ms&dimensions=queue&grain=1h&tz=${tz}&from=2026-03-01&to=2026-03-06`
  const json = (await ask(url)).json<Answer>()
  const csvAnswer = await ask(url, { accept: 'text/csv' })
  const csv = parse<Record<string, string>>(csvAnswer.body, { columns: true })
  const arrowAnswer = await ask(`${url}&format=arrow`)
  const arrow = [...tableFromIPC(arrowAnswer.rawPayload)].map((row) => row.toJSON() as Record<string, unknown>)
  const number = (value: unknown) => (value === null || value === '' || value === '\\N' ? null : Number(value))
  const of = (row: Record<string, unknown>, time: number) => [
    time,
    row.queue,
    row.queue_name,
    number(row.offered),
    number(row.asa_ms),
    number(row.service_level),
    number(row.longest_wait_ms),
  ]
  const expected = json.rows.map((row) => of(row, Date.parse(row.time as string)))
  expect(expected.length).toBeGreaterThan(80)
  expect(csv.map((row) => of(row, Date.parse(row.time!)))).toEqual(expected)
  expect(arrow.map((row) => of(row, row.time as number))).toEqual(expected)
  for (const answer of [csvAnswer, arrowAnswer]) {
    expect(answer.headers['x-callhouse-as-of']).toBe(json.as_of)
    expect(answer.headers['x-callhouse-complete']).toBe(String(json.complete))
  }
})

it('runs every report, and lists what it can run', async () => {
  const { reports } = (await ask('/v1/reports')).json<{ reports: { name: string }[] }>()
  expect(reports.length).toBeGreaterThan(3)
  for (const { name } of reports) {
    const answer = await ask(`/v1/reports/${name}?${range}`)
    expect([name, answer.statusCode]).toEqual([name, 200])
    expect((await ask(`/v1/reports/${name}?${range}&format=csv`)).body.split('\n')[0]!.split(',')).toHaveLength(answer.json<Answer>().columns.length)
  }
})

it('lists metrics with the dimensions they have', async () => {
  const { metrics, dimensions } = (await ask('/v1/metrics')).json<{
    metrics: { name: string; dimensions: string[] }[]
    dimensions: { name: string }[]
  }>()
  expect(metrics.find(({ name }) => name === 'offered')!.dimensions).toContain('queue')
  expect(metrics.find(({ name }) => name === 'offered')!.dimensions).not.toContain('campaign')
  expect(dimensions.map(({ name }) => name)).toContain('agent')
})

it('gives an Arrow schema for a range without rows', async () => {
  const answer = await ask('/v1/query?metrics=offered&dimensions=queue&grain=1d&format=arrow&from=2001-01-01&to=2001-01-02')
  const table = tableFromIPC(answer.rawPayload)
  expect([table.numRows, table.schema.fields.map(({ name }) => name)]).toEqual([0, ['time', 'queue', 'queue_name', 'offered']])
})
