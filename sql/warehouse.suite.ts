/** What every warehouse must do, whichever engine is behind it. Run by the warehouse.*.test.ts files. */
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { TupleParam } from '@clickhouse/client'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { streamBytes } from './stream-bytes.ts'
import { describeStreamBytes, errorOf } from './stream-bytes.suite.ts'
import type { Warehouse } from './warehouse.ts'
import { warehouseDefaults } from './warehouse-settings.ts'

export interface Opened {
  warehouse: Warehouse
  close(): Promise<void>
}

const awkward = [
  "it's",
  'back\\slash',
  'new\nline',
  'tab\there',
  'zürich 東京 😀',
  '{x:String}',
  '"; DROP TABLE t; --',
  '\\N',
  'NULL',
  '',
  '%',
  '\r\n',
  "\\'",
]

export function describeWarehouse(name: string, open: () => Promise<Opened>): void {
  describe(name, () => {
    let opened: Opened
    let warehouse: Warehouse
    beforeAll(async () => {
      opened = await open()
      warehouse = opened.warehouse
    })
    afterAll(() => opened.close())

    const rows = async <T>(query: string, query_params?: Record<string, unknown>): Promise<T[]> => {
      const result = await warehouse.query({ query, format: 'JSONEachRow', ...(query_params && { query_params }) })
      return await result.json<T>()
    }
    const fresh = async (table: string): Promise<string> => {
      await warehouse.command({ query: `DROP TABLE IF EXISTS ${table}` })
      await warehouse.command({
        query: `CREATE TABLE ${table} (a UInt32, b String) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100`,
      })
      return table
    }

    test('has the database and the default settings', async () => {
      const names = Object.keys(warehouseDefaults)
      const selected = names.map((setting) => `toString(getSetting('${setting}')) AS ${setting}`).join(', ')
      const [row] = await rows<Record<string, string>>(`SELECT currentDatabase() AS database, ${selected}`)
      const expected = Object.fromEntries(Object.entries(warehouseDefaults).map(([key, value]) => [key, String(value)]))
      const actual = Object.fromEntries(Object.entries(row!).map(([key, value]) => [key, value === 'true' ? '1' : value === 'false' ? '0' : value]))
      expect(actual).toEqual({ database: expect.stringMatching(/^callhouse/) as string, ...expected })
    })

    test('answers a ping both ways', async () => {
      expect(await warehouse.ping()).toEqual({ success: true })
      expect(await warehouse.ping({ select: true })).toEqual({ success: true })
    })

    test('inserts arrays and streams, with and without columns', async () => {
      const table = await fresh('inserts')
      await warehouse.insert({ table, values: [{ a: 1, b: 'x;y' }], format: 'JSONEachRow' })
      await warehouse.insert({ table, columns: ['b', 'a'], values: [['two', 2]], format: 'JSONCompactEachRow' })
      await warehouse.insert({
        table,
        values: Readable.from([
          { a: 3, b: 'three' },
          { a: 4, b: "four's" },
        ]),
        format: 'JSONEachRow',
      })
      await warehouse.insert({ table, values: Readable.from(['5,"fi', 've"\n6,"s""ix"\n'], { objectMode: false }), format: 'CSV' })
      const [here] = await rows<{ name: string }>('SELECT currentDatabase() AS name')
      await warehouse.insert({ table: `${here!.name}.${table}`, columns: { except: ['b'] }, values: [[7]], format: 'JSONCompactEachRow' })
      await warehouse.insert({ table: `\`${table}\``, values: [{ a: 8, b: 'q' }], format: 'JSONEachRow' })
      await warehouse.command({ query: `INSERT INTO ${table} VALUES (9, 'a;b'), (10, '--')` })
      await warehouse.command({ query: `INSERT INTO ${table} FORMAT TabSeparated\n11\tit's; not\n12\t\`y` })
      expect(await rows(`SELECT a, b FROM ${table} ORDER BY a`)).toEqual([
        { a: 1, b: 'x;y' },
        { a: 2, b: 'two' },
        { a: 3, b: 'three' },
        { a: 4, b: "four's" },
        { a: 5, b: 'five' },
        { a: 6, b: 's"ix' },
        { a: 7, b: '' },
        { a: 8, b: 'q' },
        { a: 9, b: 'a;b' },
        { a: 10, b: '--' },
        { a: 11, b: "it's; not" },
        { a: 12, b: '`y' },
      ])
    })

    test('inserts binary formats', async () => {
      const table = await fresh('binary')
      const parquet = await streamBytes(warehouse, { query: "SELECT toUInt32(number) AS a, 'p' AS b FROM numbers(3)", format: 'Parquet' })
      await warehouse.insert({ table, values: parquet as never, format: 'Parquet' })
      const native = await streamBytes(warehouse, { query: "SELECT toUInt32(number + 3) AS a, 'n' AS b FROM numbers(3)", format: 'Native' })
      await warehouse.exec({ query: `INSERT INTO ${table} FORMAT Native`, values: native }).then(({ stream }) => text(stream))
      expect(await rows(`SELECT count() AS n, max(a) AS top FROM ${table}`)).toEqual([{ n: 6, top: 5 }])
    })

    test('counts what it wrote and accepts an empty insert', async () => {
      const table = await fresh('counted')
      const { summary } = await warehouse.insert({ table, values: [{ a: 1 }, { a: 2 }], format: 'JSONEachRow' })
      expect(summary?.written_rows).toBe('2')
      await warehouse.insert({ table, values: Readable.from([]), format: 'JSONEachRow' })
      expect(await rows(`SELECT count() AS n FROM ${table}`)).toEqual([{ n: 2 }])
    })

    test('lands a repeated insert with the same token once', async () => {
      const table = await fresh('tokens')
      for (const token of ["t'1", "t'1", 't2']) {
        await warehouse.insert({
          table,
          values: [{ a: 1, b: 'x' }],
          format: 'JSONEachRow',
          clickhouse_settings: { insert_deduplication_token: token },
        })
      }
      expect(await rows(`SELECT count() AS n FROM ${table}`)).toEqual([{ n: 2 }])
    })

    test('a bad row fails the whole insert, with the code', async () => {
      const table = await fresh('bad_rows')
      const error = await errorOf(warehouse.insert({ table, values: [{ a: 1 }, { a: 'x' }], format: 'JSONEachRow' }))
      expect(error.type).toMatch(/CANNOT_PARSE|INCORRECT_DATA/)
      expect((await errorOf(warehouse.insert({ table, values: [{ a: 1, unknown: 2 }], format: 'JSONEachRow' }))).code).toBe('117')
      expect(await rows(`SELECT count() AS n FROM ${table}`)).toEqual([{ n: 0 }])
    })

    test('runs INSERT … SELECT with parameters', async () => {
      const table = await fresh('selected')
      await warehouse.command({
        query: `INSERT INTO ${table} SELECT number, {b:String} FROM numbers({n:UInt8}) WHERE number IN {picked:Array(UInt8)}`,
        query_params: { b: "it's; \\ \n", n: 9, picked: [1, 3, 5] },
      })
      expect(await rows(`SELECT a, b FROM ${table} ORDER BY a`)).toEqual([1, 3, 5].map((a) => ({ a, b: "it's; \\ \n" })))
    })

    test.each(awkward)('keeps the parameter %j as it is', async (value) => {
      const query = 'SELECT {one:String} AS one, {many:Array(String)} AS many, {map:Map(String, String)} AS map, {pair:Tuple(String, UInt8)} AS pair'
      const query_params = { one: value, many: [value, 'x'], map: { [value]: value }, pair: new TupleParam([value, 1]) }
      expect(await rows(query, query_params)).toMatchObject([{ one: value, many: [value, 'x'], map: { [value]: value } }])
    })

    test('keeps any text parameter as it is', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 4 }), fc.string({ unit: 'binary' }), async (many, one) => {
          const whole = one.toWellFormed()
          expect(await rows('SELECT {one:String} AS one, {many:Array(String)} AS many', { one: whole, many })).toEqual([{ one: whole, many }])
        }),
        { numRuns: 60 },
      )
    })

    test('binds nulls, numbers, times and names', async () => {
      const query =
        'SELECT {a:Nullable(String)} AS a, {b:Int64} AS b, {c:Float64} AS c, {d:DateTime64(3)} AS d, {e:Bool} AS e FROM {t:Identifier} LIMIT 1'
      const query_params = { a: null, b: 42n, c: 0.5, d: new Date('2026-03-01T12:00:00.250Z'), e: true, t: 'system.one' }
      expect(await rows(query.replace('{t:Identifier}', '{s:Identifier}.{t:Identifier}'), { ...query_params, s: 'system', t: 'one' })).toEqual([
        { a: null, b: 42, c: 0.5, d: '2026-03-01 12:00:00.250', e: true },
      ])
    })

    test('takes parameters larger than a query may be', async () => {
      const many = Array.from({ length: 60_000 }, (_, at) => `call-${at}`)
      const result = await warehouse.query({
        query: 'SELECT length({many:Array(String)}) AS n',
        query_params: { many },
        format: 'JSONEachRow',
        use_multipart_params: true,
      })
      expect(await result.json()).toEqual([{ n: 60_000 }])
    })

    test('applies settings to one statement only', async () => {
      const query = "SELECT getSetting('max_threads') AS n, getSetting('log_comment') AS c"
      const result = await warehouse.query({ query, format: 'JSONEachRow', clickhouse_settings: { max_threads: 7, log_comment: "it's \\ ok" } })
      expect(await result.json()).toEqual([{ n: 7, c: "it's \\ ok" }])
      expect((await rows<{ n: number }>("SELECT getSetting('max_block_size') AS n"))[0]!.n).toBeGreaterThan(1000)
      const unknown = warehouse.query({ query: 'SELECT 1', clickhouse_settings: { no_such_setting: 1 } })
      expect((await errorOf(unknown)).code).toBe('115')
      await expect(warehouse.query({ query: 'SELECT 1', clickhouse_settings: { 'max_threads=1, readonly': 1 } })).rejects.toThrow()
    })

    test.each(['JSON', 'JSONCompact', 'CSVWithNames', 'TabSeparated', 'JSONCompactEachRowWithNamesAndTypes', 'JSONObjectEachRow'] as const)(
      'answers in %s',
      async (format) => {
        const result = await warehouse.query({ query: "SELECT 1 AS a, 'x' AS b", format })
        expect(await result.text()).toMatch(/1[\s\S]*x/)
      },
    )

    test('tells an error by code and type', async () => {
      const error = await errorOf(warehouse.query({ query: 'SELECT * FROM no_such_table' }))
      expect({ code: error.code, type: error.type }).toEqual({ code: '60', type: 'UNKNOWN_TABLE' })
      expect((await errorOf(warehouse.query({ query: 'SELEC 1' }))).code).toBe('62')
      expect((await errorOf(warehouse.command({ query: 'DROP TABLE no_such_table' }))).code).toBe('60')
      expect((await errorOf(warehouse.query({ query: 'SELECT {x:String}' }))).code).toBe('456')
    })

    test('a failed query leaves nothing behind for the next', async () => {
      for (let round = 0; round < 5; round++) {
        const failing = warehouse
          .query({ query: 'SELECT throwIf(number = 70000) FROM numbers(100000)', format: 'TabSeparated' })
          .then((result) => result.text())
        await expect(failing).rejects.toThrow()
        const next = await warehouse.query({ query: 'SELECT 1', format: 'TabSeparated' })
        expect(await next.text()).toBe('1\n')
      }
    })

    test('concurrent callers see their own rows and parameters', async () => {
      const answers = await Promise.all(
        Array.from({ length: 60 }, async (_, at) => {
          const query =
            at % 5 === 4
              ? 'SELECT throwIf(number = 70000) FROM numbers(100000)'
              : 'SELECT {at:UInt32} AS at, count() AS n FROM numbers({at:UInt32} * 100)'
          const answer = rows<{ at: number; n: number }>(query, { at })
          return at % 5 === 4
            ? await answer.then(
                () => 'no error',
                () => 'error',
              )
            : (await answer)[0]
        }),
      )
      expect(answers).toEqual(Array.from({ length: 60 }, (_, at) => (at % 5 === 4 ? 'error' : { at, n: at * 100 })))
    })

    test('refuses two statements in one', async () => {
      const table = await fresh('several')
      for (const query of [
        `SELECT 1; DROP TABLE ${table}`,
        `SELECT ';' ; /* ; */ SELECT 2`,
        `INSERT INTO ${table} VALUES (1, 'a'); DROP TABLE ${table}`,
      ]) {
        await expect(warehouse.command({ query })).rejects.toThrow()
      }
      await warehouse.command({ query: `SELECT 'a;b' -- ; c\n;` })
      expect(await rows(`SELECT count() AS n FROM ${table}`)).toEqual([{ n: 0 }])
    })

    test('streams a large result through the client', async () => {
      const result = await warehouse.query({ query: 'SELECT number, toString(number) AS s FROM numbers(300000)', format: 'JSONEachRow' })
      let count = 0
      let sum = 0
      for await (const batch of result.stream<{ number: number; s: string }>()) {
        for (const row of batch) {
          count++
          sum += row.json().number
        }
      }
      expect([count, sum]).toEqual([300_000, (300_000 * 299_999) / 2])
    })

    test('executes into a stream of bytes', async () => {
      const { stream } = await warehouse.exec({ query: 'SELECT number FROM numbers(3) FORMAT TabSeparated' })
      expect(await text(stream)).toBe('0\n1\n2\n')
    })

    test('stops a query whose caller has gone', async () => {
      const stop = new AbortController()
      const query = "SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1 AND 'abort-me' != ''"
      const answer = warehouse.query({ query, abort_signal: stop.signal })
      const running = async (): Promise<number> =>
        (await rows("SELECT 1 FROM system.processes WHERE query LIKE '%abort-me%' AND query NOT LIKE '%system.processes%'")).length
      await expect.poll(running, { timeout: 20_000 }).toBe(1)
      stop.abort()
      await expect(answer).rejects.toThrow(/abort/i)
      await expect.poll(running, { timeout: 20_000 }).toBe(0)
    }, 60_000)

    describeStreamBytes(() => warehouse)
  })
}
