/** Whatever the log and wherever reading stops and starts again: the same records, every line accounted for, nothing thrown. */
import { appendFile, copyFile, mkdir, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { entities } from '../../records/index.ts'
import type { Batch } from '../../source.ts'
import { createAsteriskSource } from './asterisk.ts'
import { fold, newRun, pullAll, recordsOf } from './pull-all.ts'

const fixture = join(dirname(fileURLToPath(import.meta.url)), '../../../fixtures/cases/asterisk-live')
const files = ['queue_log', 'cdr-csv/Master.csv', 'cdr-custom/simple.csv', 'cel-custom/Master.csv']

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'callhouse-asterisk-'))
})
afterAll(() => rm(root, { recursive: true }))

async function emptyLogs(): Promise<string> {
  const path = await mkdtemp(join(root, 'pbx-'))
  for (const directory of ['cdr-csv', 'cdr-custom', 'cel-custom']) await mkdir(join(path, directory))
  return path
}

async function readOnce(path: string): Promise<Batch[]> {
  return pullAll(createAsteriskSource({ path, follow: false, tz: 'Europe/Berlin' }))
}

/** The number of lines, each accepted or rejected at a position of its own. */
function accountFor(batches: readonly Batch[]): number {
  const positions = batches.flatMap((batch) => batch.rejects.map((reject) => reject.position))
  expect(new Set(positions).size).toBe(positions.length)
  for (const batch of batches) expect(batch.rejects.length).toBeLessThanOrEqual(batch.inputs)
  return batches.reduce((sum, batch) => sum + batch.inputs, 0)
}

const calls = fc.constantFrom('pbx-1795396400.1', 'pbx-1795396400.2', '1795396410.3', 'odd', 'NONE')
const agents = fc.constantFrom('Bob', 'Eve', 'Local/7@agents', '__proto__', 'NONE')
const queues = fc.constantFrom('support', 'sales', 'NONE')
const number = fc.constantFrom('0', '1', '3', '60', '6000', '', 'x', '-1', '99999999999')
const events =
  'DID ENTERQUEUE ENTERQUEUE ENTERQUEUE CONNECT CONNECT COMPLETEAGENT COMPLETECALLER BLINDTRANSFER ATTENDEDTRANSFER ABANDON EXITWITHTIMEOUT EXITWITHKEY EXITEMPTY SYSCOMPAT RINGNOANSWER RINGCANCELED ADDMEMBER REMOVEMEMBER PAUSE UNPAUSE PAUSEALL UNPAUSEALL AGENTLOGIN AGENTLOGOFF PENALTY QUEUESTART CONFIGRELOAD toString'.split(
    ' ',
  )
const step = fc.oneof({ weight: 30, arbitrary: fc.integer({ min: 0, max: 20 }) }, fc.constantFrom(-5, -4000, 2000, 20_000, 100_000, 9_000_000))
const event = fc.tuple(step, calls, queues, agents, fc.constantFrom(...events), fc.array(number, { minLength: 1, maxLength: 5 }))
const garbage = fc.oneof(fc.string({ maxLength: 30 }), fc.constantFrom('1795396400', '||||', '1795396400|a|b|c|CONNECT'))

/** A log of plausible events, nonsense between them. */
const queueLog = fc.array(fc.oneof({ weight: 12, arbitrary: event }, garbage), { minLength: 1, maxLength: 80 }).map((items) => {
  let now_s = 1_795_396_400
  return items.flatMap((item) => {
    if (typeof item === 'string') return item.replaceAll('\n', ' ')
    const [after_s, call, queue, agent, name, args] = item
    now_s += after_s
    const line = [now_s, call, queue, agent, name, ...args].join('|')
    // Now and then a line stands there twice.
    return args.length === 5 ? [line, line] : line
  })
})

describe('any queue_log', () => {
  it('gives the same records in one read, in many, and read again; every one fits its columns', async () => {
    await fc.assert(
      fc.asyncProperty(queueLog, fc.array(fc.nat(), { maxLength: 8 }), fc.integer({ min: 1, max: 30 }), async (lines, cuts, batch_lines) => {
        const path = await emptyLogs()
        const log = join(path, 'queue_log')
        const bytes = Buffer.from(`1795396399|NONE|NONE|NONE|QUEUESTART|\n${lines.join('\n')}\n`)
        const run = newRun()
        let written = 0
        for (const cut of cuts.map((n) => n % bytes.length).sort((a, b) => a - b)) {
          await appendFile(log, bytes.subarray(written, cut))
          written = cut
          await pullAll(createAsteriskSource({ path, batch_lines }), run)
        }
        await appendFile(log, bytes.subarray(written))
        await pullAll(createAsteriskSource({ path, follow: false, batch_lines }), run)
        const [once, again] = [await readOnce(path), await readOnce(path)]
        expect(again).toEqual(once)
        expect(fold(run.batches)).toEqual(fold(once))
        expect(fold([...once, ...run.batches, ...again])).toEqual(fold(once))
        expect(run.batches.flatMap((batch) => batch.rejects)).toEqual(once.flatMap((batch) => batch.rejects))
        expect([accountFor(run.batches), accountFor(once)]).toEqual([lines.length + 1, lines.length + 1])
        for (const { entity, record } of once.flatMap((batch) => batch.records)) {
          const values = record as unknown as Record<string, unknown>
          for (const [name, field] of Object.entries(entities[entity].fields)) field.encode(values[name])
        }
      }),
      { numRuns: 150 },
    )
  })

  it('gives every agent one timeline: no state begins before the one before it has ended', async () => {
    await fc.assert(
      fc.asyncProperty(queueLog, async (lines) => {
        const path = await emptyLogs()
        await writeFile(join(path, 'queue_log'), `${lines.join('\n')}\n`)
        const states = recordsOf(await readOnce(path), 'agent_states')
        for (const agent of new Set(states.map((state) => state.agent_id))) {
          const mine = states.filter((state) => state.agent_id === agent)
          expect(mine.filter((state) => state.ended_at === null).length).toBeLessThanOrEqual(1)
          const closed = mine.filter((state) => state.ended_at !== null && state.ended_at !== state.started_at)
          closed.sort((a, b) => (a.started_at as number) - (b.started_at as number))
          closed.slice(1).forEach((state, index) => expect(state.started_at as number).toBeGreaterThanOrEqual(closed[index]!.ended_at as number))
        }
      }),
      { numRuns: 100 },
    )
  })
})

describe('the logs of a real Asterisk', () => {
  it('give the same records however reading and rotation cut them up', async () => {
    const whole = new Map(await Promise.all(files.map(async (file) => [file, await readFile(join(fixture, file))] as const)))
    const want = fold(await readOnce(fixture))
    const turn = fc.record({ size: fc.integer({ min: 1, max: 400_000 }), rotate: fc.constantFrom('no', 'no', 'rename', 'copy and truncate') })
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { minLength: 3, maxLength: 6 }), async (turns) => {
        const path = await emptyLogs()
        const run = newRun()
        const written = new Map(files.map((file) => [file, 0]))
        for (const [index, { size, rotate }] of turns.entries()) {
          const last = index === turns.length - 1
          for (const [file, bytes] of whole) {
            const from = written.get(file)!
            // Each file grows by its own share, so that a turn cuts all of them somewhere.
            const to = last ? bytes.length : Math.min(bytes.length, from + Math.ceil((size * bytes.length) / 1_101_400))
            await appendFile(join(path, file), bytes.subarray(from, to))
            written.set(file, to)
          }
          await pullAll(createAsteriskSource({ path, tz: 'Europe/Berlin', follow: !last, batch_lines: 1000 }), run)
          if (rotate !== 'no')
            for (const file of files) await rotateAtLineEnd(join(path, file), whole.get(file)!, written, file, rotate, turns.length - index)
        }
        expect(fold(run.batches)).toEqual(want)
        expect(run.batches.flatMap((batch) => batch.rejects)).toEqual([])
        expect(accountFor(run.batches)).toBe(847 + 693 + 693 + 4852)
      }),
      { numRuns: 8 },
    )
  }, 60_000)

  it('give the same records from another path, and every shuffled or broken line is accounted for', async () => {
    const path = await emptyLogs()
    for (const file of files) await copyFile(join(fixture, file), join(path, file))
    expect(await readOnce(path)).toEqual(await readOnce(fixture))

    const lines = (await readFile(join(fixture, 'queue_log'), 'latin1')).trimEnd().split('\n')
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(lines, { minLength: 1 }), fc.integer({ min: 0, max: 255 }), async (some, byte) => {
        const broken = some.map((line, index) =>
          index % 7 === 3 ? line.slice(0, byte % line.length) + String.fromCharCode(byte) + line.slice(byte % line.length) : line,
        )
        const text = `${broken.join('\n')}\n`
        for (const file of files) await writeFile(join(path, file), text, 'latin1')
        // A cdr-custom file whose first row is not of the known format is left alone.
        expect(accountFor(await readOnce(path))).toBe(3 * (text.split('\n').length - 1))
      }),
      { numRuns: 15 },
    )
  }, 60_000)
})

/** Rotates as Asterisk does, after a whole line, which is written and not yet read. */
async function rotateAtLineEnd(
  log: string,
  bytes: Buffer,
  written: Map<string, number>,
  file: string,
  how: 'rename' | 'copy and truncate',
  age: number,
): Promise<void> {
  const from = written.get(file)!
  const to = bytes.indexOf(10, Math.max(0, from - 1)) + 1
  if (to === 0) return
  await appendFile(log, bytes.subarray(from, Math.max(from, to)))
  written.set(file, Math.max(from, to))
  if (how === 'rename') {
    await rename(log, `${log}.${age}`)
    await writeFile(log, '')
  } else {
    await copyFile(log, `${log}.${age}`)
    await truncate(log, 0)
  }
}
