import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EmbeddedEngine } from './embedded-engine.ts'
import { runInsert } from './embedded-insert.ts'
import { gatherBody } from './insert-body.ts'
import { acquireEngine } from './shared-engine.ts'
import { readStatement } from './statement.ts'
import { openWarehouse } from './warehouse.ts'

describe('embedded engine', () => {
  let path: string
  let engine: EmbeddedEngine
  let release: () => Promise<void>
  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), 'callhouse-test-'))
    ;({ engine, release } = await acquireEngine(path, 'callhouse'))
  })
  afterAll(async () => {
    await release()
    await rm(path, { recursive: true, force: true })
  })

  test('creates its database as Atomic', async () => {
    const found = await engine.run("SELECT engine FROM system.databases WHERE name = 'callhouse'")
    expect(found.text()).toBe('Atomic\n')
  })

  test('is shared by those who open the same directory, and refuses another', async () => {
    const again = await acquireEngine(path, 'callhouse')
    expect(again.engine).toBe(engine)
    await again.release()
    await expect(acquireEngine(`${path}-other`, 'callhouse')).rejects.toMatchObject({ code: 'warehouse_unavailable' })
    expect((await engine.run('SELECT 1')).text()).toBe('1\n')
  })

  test('refuses a database name that is not a plain name', async () => {
    await expect(acquireEngine(path, 'a; DROP DATABASE callhouse')).rejects.toMatchObject({ code: 'bad_request' })
  })

  test('tells a second process who holds the directory', async () => {
    const script = `
      import { openWarehouse } from ${JSON.stringify(join(import.meta.dirname, 'warehouse.ts'))}
      const opened = await openWarehouse({ database: 'callhouse', path: ${JSON.stringify(path)} }).catch((error) => error)
      process.stdout.write(JSON.stringify({ code: opened.code, message: opened.message }))`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    await once(child, 'close')
    const { code, message } = JSON.parse(output) as { code: string; message: string }
    expect(code).toBe('warehouse_locked')
    expect(message).toContain(`process ${process.pid}`)
    expect(message).toContain('callhouse warehouse')
  }, 60_000)

  test('an insert too large for memory goes through a file, whole and once', async () => {
    await engine.run('CREATE TABLE large (a UInt32, b String) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100')
    const lines = Array.from({ length: 1000 }, (_, at) => `${at}\tline ${at}\n`)
    const small = await gatherBody(toAsync(lines), { limit: 1024 })
    expect('file' in small && small.size).toBe(lines.join('').length)
    if ('file' in small) await small.remove()

    const sql = 'INSERT INTO large (a, b) SETTINGS max_threads = 1 FORMAT Values'
    const values = lines.map((_, at) => `(${at}, 'x')`).join(',')
    const settings = { insert_deduplication_token: 'large-1' }
    for (let round = 0; round < 2; round++) await runInsert(engine, sql, readStatement(sql), values, { settings })
    expect((await engine.run('SELECT count(), sum(a) FROM large')).text()).toBe(`1000\t${(1000 * 999) / 2}\n`)
    expect(await readdir(engine.temporary)).toEqual([])
  })

  test('a large insert lands as one part in each month, so a kill leaves all of a month or nothing', async () => {
    await engine.run('CREATE TABLE months (d Date, t String) ENGINE = MergeTree PARTITION BY toYYYYMM(d) ORDER BY d')
    await engine.run('SYSTEM STOP MERGES months')
    const text = 'x'.repeat(400)
    const lines = Array.from({ length: 60_000 }, (_, at) => `2026-${at % 2 ? '10' : '11'}-0${1 + (at % 9)}\t${text}\n`).join('')
    const sql = 'INSERT INTO months (d, t) FORMAT TSV'
    await runInsert(engine, sql, readStatement(sql), toAsync([lines]), {})
    const parts = await engine.run("SELECT partition, rows FROM system.parts WHERE active AND table = 'months' ORDER BY partition")
    expect(parts.text()).toBe('202610\t30000\n202611\t30000\n')
  })

  test('what a killed process left of its inserts goes when the engine is opened', async () => {
    await writeFile(join(engine.temporary, 'callhouse-left'), 'a caller')
    await release()
    ;({ engine, release } = await acquireEngine(path, 'callhouse'))
    expect(await readdir(engine.temporary)).toEqual([])
  })

  test('a read does not wait for writes, however many there are', async () => {
    await engine.run('CREATE TABLE busy (n UInt64) ENGINE = Null')
    let unfinished = 4
    const write = () => engine.run('INSERT INTO busy SELECT sum(sleepEachRow(0.05)) FROM numbers(20)').then(() => unfinished--)
    const writes = Array.from({ length: unfinished }, write)
    expect((await engine.run('SELECT 1')).text()).toBe('1\n')
    expect(unfinished).toBe(4)
    await Promise.all(writes)
  })

  test('data too large for a statement is refused, not forgotten', async () => {
    const large = (): Readable => Readable.from(Array.from({ length: 65 }, () => Buffer.alloc(1024 * 1024, '(1),')))
    for (const sql of ['INSERT INTO large (a) VALUES', 'INSERT INTO large (a) FORMAT Values (1)']) {
      await expect(runInsert(engine, sql, readStatement(sql), large(), {})).rejects.toMatchObject({ code: 'bad_request' })
    }
  })

  test('an upload that breaks off writes nothing', async () => {
    await engine.run('CREATE TABLE broken (a UInt32) ENGINE = MergeTree ORDER BY a')
    const sql = 'INSERT INTO broken FORMAT TabSeparated'
    async function* breaking(): AsyncGenerator<string> {
      yield '1\n'
      await Promise.resolve()
      throw new Error('the sender went away')
    }
    await expect(runInsert(engine, sql, readStatement(sql), breaking(), {})).rejects.toThrow('went away')
    expect((await engine.run('SELECT count() FROM broken')).text()).toBe('0\n')
  })

  test('finished connections are not kept while another statement runs', async () => {
    const stop = new AbortController()
    const slow = engine.run('SELECT sum(sipHash64(number)) FROM numbers(100000000000) SETTINGS max_threads = 1', { abort_signal: stop.signal })
    const before = process.memoryUsage().rss
    for (let round = 0; round < 1500; round++) await engine.run('SELECT 1')
    // Kept ones take 0.26 MB each: 390 MB.
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6)
    stop.abort()
    await expect(slow).rejects.toThrow('aborted')
  }, 60_000)

  test('opens again after it was closed', async () => {
    await release()
    const warehouse = await openWarehouse({ database: 'callhouse', path })
    expect(await warehouse.ping()).toEqual({ success: true })
    await warehouse.close()
    await expect(warehouse.query({ query: 'SELECT 1' })).rejects.toMatchObject({ code: 'warehouse_unavailable' })
    ;({ engine, release } = await acquireEngine(path, 'callhouse'))
  })
})

async function* toAsync(lines: string[]): AsyncGenerator<string> {
  for (const line of lines) {
    await Promise.resolve()
    yield line
  }
}
