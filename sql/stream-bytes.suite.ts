/** What streamBytes must do on every warehouse; part of the warehouse suite. */
import { text } from 'node:stream/consumers'
import { ClickHouseError, type ClickHouseSettings } from '@clickhouse/client'
import { tableFromIPC } from 'apache-arrow'
import { beforeAll, describe, expect, test } from 'vitest'
import { streamBytes } from './stream-bytes.ts'
import type { Warehouse } from './warehouse.ts'

/** The ClickHouseError that something rejects with; fails when it does not. */
export async function errorOf(work: Promise<unknown>): Promise<ClickHouseError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(ClickHouseError)
  return error as ClickHouseError
}

export function describeStreamBytes(open: () => Warehouse): void {
  describe('streamBytes', () => {
    let warehouse: Warehouse
    beforeAll(() => {
      warehouse = open()
    })
    const rows = async (query: string): Promise<unknown[]> => await (await warehouse.query({ query, format: 'JSONEachRow' })).json()
    const bytesOf = async (format: string, query: string, clickhouse_settings?: ClickHouseSettings): Promise<Buffer> => {
      const stream = await streamBytes(warehouse, { query, format, clickhouse_settings })
      return Buffer.concat((await stream.toArray()) as Buffer[])
    }

    const wide = 'SELECT number AS id, toString(number) AS name, if(number % 7 = 0, NULL, number) AS gap FROM numbers(200000)'

    test('gives one Arrow stream of all rows', async () => {
      const bytes = await bytesOf('ArrowStream', wide)
      const table = tableFromIPC(bytes)
      expect(table.numRows).toBe(200_000)
      // Readers forgive a repeated schema, the format does not know it.
      const schema = bytes.subarray(0, 8 + bytes.readInt32LE(4))
      expect(bytes.indexOf(schema, 1)).toBe(-1)
      expect(table.schema.names).toEqual(['id', 'name', 'gap'])
      for (const at of [0, 1, 8191, 8192, 65_408, 65_409, 131_072, 199_999]) {
        expect(table.get(at)?.toJSON()).toEqual({ id: BigInt(at), name: String(at), gap: at % 7 === 0 ? null : BigInt(at) })
      }
    })

    test('gives a schema for an empty result', async () => {
      const bytes = await bytesOf('ArrowStream', `${wide} WHERE number > 1e9;`)
      const table = tableFromIPC(bytes)
      expect([table.numRows, table.schema.names]).toEqual([0, ['id', 'name', 'gap']])
    })

    test.each([
      'CSV',
      'CSVWithNames',
      'CSVWithNamesAndTypes',
      'TSVWithNames',
      'JSONEachRow',
      'JSONCompactEachRowWithNamesAndTypes',
      'RowBinary',
      'RowBinaryWithNamesAndTypes',
      'Native',
      'Vertical',
      'Markdown',
    ])('gives the same bytes as a materialised result in %s', async (format) => {
      const query = 'SELECT number AS "a\nb", concat(\'x\n"\', toString(number)) AS c FROM numbers(250)'
      const settings = { max_block_size: '100' }
      const streamed = await bytesOf(format, query, settings)
      const whole = await warehouse.exec({ query: `${query} FORMAT ${format}`, clickhouse_settings: format === 'Native' ? settings : {} })
      const expected = Buffer.concat((await whole.stream.toArray()) as Buffer[])
      if (format !== 'Native') expect(streamed.equals(expected)).toBe(true)
      else expect(streamed.length).toBeGreaterThan(0)
    })

    test('gives JSON and Parquet as one document', async () => {
      const json = JSON.parse(await text(await streamBytes(warehouse, { query: wide, format: 'JSON' }))) as { rows: number; data: unknown[] }
      expect([json.rows, json.data.length]).toEqual([200_000, 200_000])
      const parquet = await bytesOf('Parquet', wide)
      expect([parquet.subarray(0, 4).toString(), parquet.subarray(-4).toString()]).toEqual(['PAR1', 'PAR1'])
    })

    test('binds parameters and applies settings', async () => {
      const query = "SELECT {x:String} AS x, getSetting('max_threads') AS n"
      const stream = await streamBytes(warehouse, {
        query,
        format: 'JSONEachRow',
        query_params: { x: "it's \t\\" },
        clickhouse_settings: { max_threads: 3 },
      })
      expect(JSON.parse(await text(stream))).toEqual({ x: "it's \t\\", n: 3 })
    })

    test('rejects a query that is wrong from the start', async () => {
      expect((await errorOf(streamBytes(warehouse, { query: 'SELECT * FROM no_such_table', format: 'ArrowStream' }))).code).toBe('60')
      await expect(streamBytes(warehouse, { query: 'SELECT 1; SELECT 2', format: 'ArrowStream' })).rejects.toThrow()
      await expect(streamBytes(warehouse, { query: 'SELECT 1', format: 'CSV; SELECT' })).rejects.toThrow()
    })

    test('destroys the stream when the query fails midway', async () => {
      const query = 'SELECT throwIf(number = 3000000) AS a, toString(number) AS b FROM numbers(4000000)'
      const stream = await streamBytes(warehouse, { query, format: 'CSV', clickhouse_settings: { max_threads: 1 } })
      let bytes = 0
      const error = await errorOf(
        (async () => {
          for await (const chunk of stream) bytes += (chunk as Buffer).length
        })(),
      )
      expect(error.code).toBe('395')
      expect(bytes).toBeGreaterThan(1000)
    })

    test('stops the query when its reader leaves', async () => {
      const stream = await streamBytes(warehouse, { query: "SELECT number FROM numbers(100000000000) WHERE 'leave-me' != ''", format: 'RowBinary' })
      for await (const chunk of stream) {
        expect((chunk as Buffer).length).toBeGreaterThan(0)
        break
      }
      const running = async (): Promise<number> =>
        (await rows("SELECT 1 FROM system.processes WHERE query LIKE '%leave-me%' AND query NOT LIKE '%system.processes%'")).length
      await expect.poll(running, { timeout: 20_000 }).toBe(0)
    }, 60_000)

    test('a stream nobody reads does not keep others waiting', async () => {
      const idle = await Promise.all(
        Array.from({ length: 8 }, () => streamBytes(warehouse, { query: 'SELECT number FROM numbers(50000000)', format: 'RowBinary' })),
      )
      expect(await rows('SELECT 1 AS one')).toEqual([{ one: 1 }])
      for (const stream of idle) stream.destroy()
    })
  })
}
