/** Every line once, whatever happens to the file between two looks at it. */
import { appendFile, copyFile, mkdtemp, readFile, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FileTail, type TailCursor, type TailLine } from './file-tail.ts'
import { rotationOrder } from './rotation-order.ts'

let root: string
let directory: string
let log: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'callhouse-tail-'))
})
afterAll(() => rm(root, { recursive: true }))
beforeEach(async () => {
  directory = await mkdtemp(join(root, 'log-'))
  log = join(directory, 'log')
})

interface Look {
  lines: TailLine[]
  cursor: TailCursor
  warnings: string[]
}

async function look(
  cursor?: TailCursor,
  options: { finished?: boolean; max_line_bytes?: number; chunk_bytes?: number } = {},
  at = directory,
): Promise<Look> {
  const warnings: string[] = []
  const tail = await FileTail.open(at, 'log', { finished: false, ...options, cursor, warn: (_details, message) => warnings.push(message) })
  const lines: TailLine[] = []
  for await (const line of tail.lines()) lines.push(line)
  const { cursor: next } = tail
  await tail.close()
  return { lines, cursor: JSON.parse(JSON.stringify(next)) as TailCursor, warnings }
}
const texts = (seen: Look) => seen.lines.map((line) => line.line)

describe('a growing file', () => {
  it('leaves a half-written line until it is complete', async () => {
    await writeFile(log, 'one\ntwo\nthr')
    const first = await look()
    expect(texts(first)).toEqual(['one', 'two'])
    expect(texts(await look(first.cursor))).toEqual([])
    await appendFile(log, 'ee\nfour\n')
    expect(texts(await look(first.cursor))).toEqual(['three', 'four'])
  })

  it('takes a last line without a line end once the file is finished', async () => {
    await writeFile(log, 'one\ntwo')
    expect(texts(await look(undefined, { finished: true }))).toEqual(['one', 'two'])
    await writeFile(log, 'only')
    expect(texts(await look(undefined, { finished: true }))).toEqual(['only'])
    expect(texts(await look())).toEqual([])
  })

  it('gives offsets that are the bytes of the line, and takes CRLF and blank lines', async () => {
    const text = 'Zoë\r\n\n李雷\nend\n'
    await writeFile(log, text)
    const bytes = await readFile(log)
    const seen = await look(undefined, { chunk_bytes: 3 })
    expect(texts(seen)).toEqual(['Zoë', '', '李雷', 'end'])
    for (const line of seen.lines) expect(bytes.subarray(line.offset, line.end_offset).toString().trimEnd()).toBe(line.line)
    expect(seen.lines.at(-1)?.end_offset).toBe(bytes.length)
  })

  it('marks what is not UTF-8 and what is too long, and goes on behind it', async () => {
    await writeFile(log, Buffer.concat([Buffer.from('a\n'), Buffer.from([0x4d, 0xfc, 0x0a]), Buffer.from(`${'x'.repeat(5000)}\nb\n`)]))
    const seen = await look(undefined, { max_line_bytes: 2000, chunk_bytes: 256 })
    expect(seen.lines.map((line) => line.problem)).toEqual([undefined, 'not_utf8', 'too_long', undefined])
    expect(seen.lines[1]?.line).toBe('Mü')
    expect(seen.lines[2]?.line).toBe('x'.repeat(1024))
    expect(texts(seen).at(-1)).toBe('b')
  })

  it('gives the same lines however large the chunks are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom('a', '|', 'ü', '李', '\r', '\n'), maxLength: 20 })),
        fc.integer({ min: 1, max: 40 }),
        async (parts, chunk_bytes) => {
          await writeFile(log, `first\n${parts.join('\n')}`)
          const [small, large] = [await look(undefined, { chunk_bytes, finished: true }), await look(undefined, { finished: true })]
          expect(small).toEqual(large)
          const whole = (await readFile(log, 'utf8')).split('\n')
          if (whole.at(-1) === '') whole.pop()
          expect(texts(small)).toEqual(whole.map((line) => line.replace(/\r$/, '')))
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('rotation', () => {
  it('finishes the renamed file before the new one', async () => {
    await writeFile(log, 'one\ntwo\n')
    const { cursor } = await look()
    await appendFile(log, 'three\n')
    await rename(log, `${log}.1`)
    await writeFile(log, 'four\n')
    const seen = await look(cursor)
    expect(texts(seen)).toEqual(['three', 'four'])
    expect(texts(await look(seen.cursor))).toEqual([])
  })

  it('takes a log that has been rotated several times since, in order, though it was copied to another place', async () => {
    await writeFile(log, 'one\n')
    const { cursor } = await look()
    await appendFile(log, 'two\nhalf')
    await rename(log, `${log}.2`)
    await writeFile(`${log}.1`, 'three\n')
    await writeFile(log, 'four\n')
    const copy = await mkdtemp(join(root, 'copy-'))
    for (const name of ['log', 'log.1', 'log.2']) await copyFile(join(directory, name), join(copy, name))
    expect(texts(await look(cursor, {}, copy))).toEqual(['two', 'half', 'three', 'four'])
  })

  it('goes on in the copy when the log was copied and truncated', async () => {
    await writeFile(log, 'one\n')
    const { cursor } = await look()
    await appendFile(log, 'two\n')
    await copyFile(log, `${log}.1`)
    const meanwhile = await look(cursor)
    expect(texts(meanwhile)).toEqual(['two'])
    expect(meanwhile.warnings.length).toBe(1)
    await truncate(log, 0)
    await appendFile(log, 'three\n')
    expect(texts(await look(cursor))).toEqual(['two', 'three'])
    expect(texts(await look(meanwhile.cursor))).toEqual(['three'])
  })

  it('reads a file again that became shorter, and says so', async () => {
    await writeFile(log, 'one\ntwo\nthree\n')
    const { cursor } = await look()
    await truncate(log, 8)
    const seen = await look(cursor)
    expect(texts(seen)).toEqual(['one', 'two'])
    expect(seen.lines.map((line) => line.restarted)).toEqual([true, false])
    expect(seen.warnings.length).toBe(1)
  })

  it('does not read an older file again because a newer one is gone', async () => {
    await writeFile(`${log}.1`, 'one\n')
    await writeFile(log, 'two\n')
    const { cursor } = await look()
    await unlink(log)
    const without = await look(cursor)
    expect(texts(without)).toEqual([])
    await writeFile(log, 'two\nthree\n')
    expect(texts(await look(without.cursor))).toEqual(['three'])
  })

  it('says what is in the way of a file that cannot be opened', async () => {
    await symlink(join(directory, 'nowhere'), log)
    await expect(look()).rejects.toMatchObject({ code: 'source_unavailable' })
  })

  it('knows the order of the usual suffixes, and no other files', () => {
    const names = ['log', 'log.10', 'log.2', 'log.1', 'log-20261122', 'log-20261121', 'log.bak', 'log.3.gz', 'logs', 'log-old']
    expect(rotationOrder('log', names)).toEqual({
      names: ['log-20261121', 'log-20261122', 'log.10', 'log.2', 'log.1', 'log'],
      compressed: ['log.3.gz'],
    })
  })
})
