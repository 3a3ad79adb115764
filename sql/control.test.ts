import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { inspect } from 'node:util'
import { sql } from 'kysely'
import { afterAll, describe, expect, test } from 'vitest'
import { openControl } from './control.ts'
import { onBothControls } from './control.suite.ts'
import { ensureTenant, findTenant, listTenants } from './tenants.ts'

const home = mkdtempSync(join(tmpdir(), 'callhouse-control-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

onBothControls('the control plane', ({ control, another }) => {
  test('int8, timestamptz, json, text[] and boolean come as what the types say', async () => {
    const { rows } =
      await sql`select 9007199254740991::int8 as n, '2026-01-02T03:04:05.678Z'::timestamptz as t, '{"a":[1]}'::json as j, array['x','y'] as a, true as b`.execute(
        control().db,
      )
    expect(rows).toEqual([{ n: 9007199254740991, t: new Date('2026-01-02T03:04:05.678Z'), j: { a: [1] }, a: ['x', 'y'], b: true }])
  })

  test('an int8 too large for a number is an error, never rounded', async () => {
    await expect(sql`select 9007199254740993::int8 as n`.execute(control().db)).rejects.toThrow(/9007199254740993/)
    expect((await sql`select 1 as n`.execute(control().db)).rows).toEqual([{ n: 1 }])
  })

  test('queries from outside wait for a transaction and never land inside it', async () => {
    let enter: () => void = () => undefined
    const entered = new Promise<void>((resolve) => (enter = resolve))
    const failed = control()
      .db.transaction()
      .execute(async (transaction) => {
        await transaction.insertInto('tenants').values({ id: 'inside', name: 'x', time_zone: 'UTC' }).execute()
        enter()
        await sql`select 1`.execute(transaction)
        throw new Error('roll back')
      })
    await entered
    const outside = Array.from({ length: 10 }, (_, i) => ensureTenant(control(), `outside-${i}`))
    await expect(failed).rejects.toThrow('roll back')
    await Promise.all(outside)
    expect(await findTenant(control(), 'inside')).toBeUndefined()
    expect(await listTenants(control())).toHaveLength(10)
  })

  test('a failed statement leaves the connection as it was', async () => {
    await expect(sql`select no_such_column`.execute(control().db)).rejects.toThrow(/no_such_column/)
    await expect(
      control()
        .db.transaction()
        .execute((transaction) => sql`select 1 / 0`.execute(transaction)),
    ).rejects.toThrow(/division by zero/)
    expect((await sql`select 2 as n`.execute(control().db)).rows).toEqual([{ n: 2 }])
  })

  if (another)
    test('a server that goes away between two statements of a transaction is an error and not the end of the process', async () => {
      const other = await another()
      const broken = other.db.transaction().execute(async (transaction) => {
        const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(transaction)
        await sql`select pg_terminate_backend(${rows[0]!.pid}, 10000)`.execute(control().db)
        // It says farewell when no statement is under way.
        await new Promise((resolve) => setImmediate(resolve))
        await sql`select 1`.execute(transaction)
      })
      await expect(broken).rejects.toThrow()
      expect((await sql`select 3 as n`.execute(other.db)).rows).toEqual([{ n: 3 }])
      await other.close()
    })
})

describe('PGlite in a directory', () => {
  const path = join(home, 'data', 'control')

  test('keeps what was written, and opens for one at a time', async () => {
    const first = await openControl({ path })
    await ensureTenant(first, 'acme')
    await expect(openControl({ path })).rejects.toMatchObject({ code: 'control_locked' })
    await first.close()
    expect(existsSync(`${path}.lock`)).toBe(false)
    const second = await openControl({ path })
    expect(await findTenant(second, 'acme')).toBeDefined()
    await second.close()
    expect(process.exitCode).toBeUndefined()
  })

  test('kill -9 loses nothing that was acknowledged, and its lock is taken over', async () => {
    const script = `import { openControl } from ${JSON.stringify(new URL('control.ts', import.meta.url).href)}
      import { nextGeneration } from ${JSON.stringify(new URL('generations.ts', import.meta.url).href)}
      const control = await openControl({ path: ${JSON.stringify(path)} })
      for (;;) console.log(await nextGeneration(control))`
    writeFileSync(join(home, 'writer.mts'), script)
    const writer = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), join(home, 'writer.mts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let lines = 0
    let acknowledged = 0
    for await (const line of createInterface({ input: writer.stdout })) {
      acknowledged = Number(line)
      lines++
      if (lines === 5) await expect(openControl({ path })).rejects.toMatchObject({ code: 'control_locked', details: { pid: writer.pid } })
      if (lines === 20) writer.kill('SIGKILL')
    }
    if (writer.signalCode === null) await once(writer, 'exit')
    const control = await openControl({ path })
    const { value } = await control.db.selectFrom('generations').select('value').executeTakeFirstOrThrow()
    await control.close()
    expect(lines).toBeGreaterThanOrEqual(20)
    expect(value).toBeGreaterThanOrEqual(acknowledged)
  })

  test('a lock of a process that had the same number before is no lock', async () => {
    writeFileSync(`${path}.lock`, JSON.stringify({ pid: process.pid, started: 'before', id: 'x' }))
    await (await openControl({ path })).close()
    writeFileSync(`${path}.lock`, 'torn')
    await (await openControl({ path })).close()
  })

  test('a directory that cannot be one is explained', async () => {
    writeFileSync(join(home, 'file'), '')
    await expect(openControl({ path: join(home, 'file', 'control') })).rejects.toThrow()
    await expect(openControl({ path: join(home, 'file') })).rejects.toMatchObject({ code: 'control_unavailable' })
  })
})

describe('a Postgres that cannot be reached', () => {
  test.each([
    'postgres://user:hunter2@127.0.0.1:1/db',
    'postgres://user:hunter2@localhost:1/db',
    'postgres://user:hunter2@no-such-host.invalid:1/db',
  ])('%s: host and port, no password', async (url) => {
    const error: unknown = await openControl({ url, path: '' }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'control_unavailable',
      retryable: true,
      message: expect.stringContaining(`${new URL(url).hostname}:1`) as string,
    })
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
  })

  test('an address that is none is refused without repeating it', async () => {
    const error: unknown = await openControl({ url: 'postgres://user:hunter2@[bad', path: '' }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'config_invalid' })
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2')
  })
})
