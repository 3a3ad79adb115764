/** Exports: every format reads back as the rows the records route lists, also by other people's readers. */
import { execFileSync, spawnSync } from 'node:child_process'
import { tableFromIPC, type Table } from 'apache-arrow'
import { parse } from 'csv-parse/sync'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyAudit } from '../../sql/audit.ts'
import { factColumns } from '../fact-columns.ts'
import { exportTables } from '../tables.ts'
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

const download = async (path: string) => {
  const answer = await app.inject({ url: `/v1/export/${path}`, headers: { authorization: `Bearer ${world.keys.acme}` } })
  expect(answer.statusCode, answer.body.slice(0, 500)).toBe(200)
  return answer
}
const arrow = async (path: string): Promise<Table> => tableFromIPC((await download(path)).rawPayload)
const range = 'from=2026-03-01&to=2026-03-06'

describe('Arrow', () => {
  it('gives every row with typed columns', async () => {
    const answer = await download(`calls?${range}`)
    expect(answer.headers['content-type']).toBe('application/vnd.apache.arrow.stream')
    expect(answer.headers['content-disposition']).toBe('attachment; filename="calls.arrows"')
    const table = tableFromIPC(answer.rawPayload)
    const types = Object.fromEntries(table.schema.fields.map(({ name, type }) => [name, String(type)]))
    expect(table.numRows).toBe(COUNTS.calls)
    expect(types).toMatchObject({
      native_id: 'Utf8',
      direction: 'Utf8',
      source_id: 'Utf8',
      anchor_day: 'Date32<DAY>',
      started_at: 'Timestamp<MILLISECOND, UTC>',
      ended_at: 'Timestamp<MILLISECOND, UTC>',
      version: 'Uint64',
      talk_ms: 'Uint32',
      cost: 'Decimal[18e+6]',
    })
    expect(table.getChild('started_at')!.get(1)).toBe(Date.UTC(2026, 2, 1, 1))
  })

  it.each(exportTables)('of an empty range of %s is a schema and no rows', async (name) => {
    const table = await arrow(`${name}?from=2001-01-01&to=2001-01-02`)
    expect(table.numRows).toBe(0)
    expect(table.schema.fields.length).toBeGreaterThan(5)
    expect(table.schema.fields.map(({ type }) => String(type)).filter((type) => type.startsWith('Dictionary'))).toEqual([])
  })

  it('gives fact times as timestamps and waits as lists', async () => {
    const table = await arrow(`fact_queues?${range}`)
    expect(String(table.schema.fields.find(({ name }) => name === 'bucket_start')!.type)).toBe('Timestamp<MILLISECOND, UTC>')
    const offered = [...table.getChild('offered')!].reduce((sum: bigint, value: bigint) => sum + value, 0n)
    expect(offered).toBe(BigInt(COUNTS.queue_visits))
    expect([...table.getChild('answered_waits_ms')!].flatMap((list) => [...list]).length).toBe(72)
  })
})

describe('the formats', () => {
  it('hold the same rows', async () => {
    const lines = (await download(`queue_visits?${range}&format=jsonl`)).body.trim().split('\n')
    const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    const csv = parse<Record<string, string>>((await download(`queue_visits?${range}&format=csv`)).body, { columns: true })
    const table = await arrow(`queue_visits?${range}`)
    expect(rows).toHaveLength(COUNTS.queue_visits)
    expect(csv.map((row) => [row.native_id, row.entered_at, Number(row.wait_ms)])).toEqual(
      rows.map((row) => [row.native_id, row.entered_at, row.wait_ms]),
    )
    expect([...table].map((row) => [row.native_id, new Date(row.entered_at).toISOString(), row.wait_ms])).toEqual(
      rows.map((row) => [row.native_id, row.entered_at, row.wait_ms]),
    )
  })

  it('have a header line in CSV even without rows', async () => {
    const { body } = await download('calls?format=csv&from=2001-01-01&to=2001-01-02')
    expect(body.split('\n')[0]).toContain('"native_id"')
  })

  it('are Parquet files where that is asked', async () => {
    const { rawPayload } = await download(`calls?${range}&format=parquet`)
    expect([rawPayload.subarray(0, 4).toString(), rawPayload.subarray(-4).toString()]).toEqual(['PAR1', 'PAR1'])
  })

  const python = process.env.PYTHON ?? 'python3'
  const hasPyarrow = spawnSync(python, ['-c', 'import pyarrow']).status === 0
  it.skipIf(!hasPyarrow)('are read by pyarrow', async () => {
    const { rawPayload: stream } = await download(`calls?${range}`)
    const { rawPayload: empty } = await download('calls?from=2001-01-01&to=2001-01-02')
    const { rawPayload: parquet } = await download(`calls?${range}&format=parquet`)
    const count = (script: string, input: Buffer) =>
      execFileSync(python, ['-c', `import sys, io, pyarrow as pa\ndata = sys.stdin.buffer.read()\n${script}`], { input })
        .toString()
        .trim()
    const read =
      't = pa.ipc.open_stream(data).read_all(); t.validate(full=True); print(t.num_rows, t.schema.field("started_at").type, t.schema.field("cost").type, t.schema.field("direction").type)'
    expect(count(read, stream)).toBe(`${COUNTS.calls} timestamp[ms, tz=UTC] decimal128(18, 6) string`)
    expect(count(read, empty)).toMatch(/^0 timestamp/)
    expect(
      count(
        'import pyarrow.parquet as pq; t = pq.read_table(io.BytesIO(data)); print(t.num_rows, t.schema.field("started_at").type, t.schema.field("anchor_day").type)',
        parquet,
      ),
    ).toBe(`${COUNTS.calls} timestamp[ms, tz=UTC] date32[day]`)
  })
})

it('knows every column of every fact view', async () => {
  for (const [fact, columns] of Object.entries(factColumns)) {
    const result = await world.warehouse.query({ query: 'DESCRIBE TABLE {fact:Identifier}', query_params: { fact }, format: 'JSONEachRow' })
    const described = (await result.json<{ name: string; type: string }>()).filter(({ name }) => name !== 'tenant_id' && name !== 'day')
    expect(Object.entries(columns), fact).toEqual(described.map(({ name, type }) => [name, type]))
  }
})

it('is in the audit log before it leaves', async () => {
  await download('calls?format=csv')
  const entries = await world.control.db.selectFrom('audit').selectAll().where('action', '=', 'export').where('object', '=', 'calls').execute()
  expect(entries.length).toBeGreaterThan(0)
  expect(entries.at(-1)).toMatchObject({ tenant_id: 'acme', actor: expect.stringMatching(/^key:/) })
  expect(await verifyAudit(world.control)).toMatchObject({ ok: true })
})
