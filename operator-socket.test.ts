/** The socket over which a verb reaches the process that has the data directory: what it answers, who may ask, and what is left behind. */
import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CallhouseError } from './errors.ts'
import { openLog } from './log.ts'
import { askOwner, INTERRUPTED, listenForVerbs, type DoVerb, type VerbRequest } from './operator-socket.ts'
import type { Output } from './verb.ts'

const folder = mkdtempSync(join(tmpdir(), 'callhouse-socket-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let data: string
let count = 0
let stop: AbortController
let listening: { close(): Promise<void> } | undefined
beforeEach(() => {
  data = join(folder, `data-${count++}`)
  mkdirSync(data)
  stop = new AbortController()
})
afterEach(async () => {
  await listening?.close()
  listening = undefined
})

const log = openLog('silent')
const listen = async (work: DoVerb): Promise<void> => void (listening = await listenForVerbs(data, work, log, stop.signal))
const request: VerbRequest = { version: '1', verb: 'verify', options: {}, is_tty: false }

function collector(): Output & { said: string[] } {
  const said: string[] = []
  return { is_tty: false, said, out: (text) => void said.push(`out ${text}`), err: (text) => void said.push(`err ${text}`) }
}
const ask = (output: Output = collector(), signal = new AbortController().signal) => askOwner(data, request, output, signal)

/** A promise and what settles it. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined
  return { opened: new Promise((resolve) => (open = resolve)), open: () => open() }
}
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('given up')), { once: true }))

describe('a verb that another process does', () => {
  test('prints what it says, in that order, and ends with its exit code', async () => {
    await listen(async (asked, output) => {
      output.out(`${asked.verb} ${JSON.stringify(asked.options)}\n`)
      output.err('½ done\n'.repeat(20_000))
      output.out('no newline')
      return 3
    })
    const output = collector()
    expect(await askOwner(data, { ...request, options: { tenant: 'a\nb' } }, output, stop.signal)).toBe(3)
    expect(output.said).toEqual(['out verify {"tenant":"a\\nb"}\n', `err ${'½ done\n'.repeat(20_000)}`, 'out no newline'])
  })

  test('fails with the same code and message', async () => {
    await listen(() => Promise.reject(new CallhouseError('tenant_unknown', 'There is no tenant "x".')))
    await expect(ask()).rejects.toMatchObject({ code: 'tenant_unknown', message: 'There is no tenant "x".' })
    await listening!.close()
    await listen(() => Promise.reject(new TypeError('a mistake')))
    await expect(ask()).rejects.toMatchObject({ code: 'internal', message: 'a mistake' })
  })

  test('is done beside another', async () => {
    const both = gate()
    let running = 0
    await listen(async () => {
      if (++running === 2) both.open()
      await both.opened
      return running
    })
    expect(await Promise.all([ask(), ask()])).toEqual([2, 2])
  })

  test('is given up when its caller is killed', async () => {
    const [began, gaveUp] = [gate(), gate()]
    await listen(async (_, __, signal) => {
      began.open()
      return untilAborted(signal).finally(gaveUp.open)
    })
    const caller = createConnection(join(data, 'callhouse.sock'))
    caller.write(`${JSON.stringify(request)}\n`)
    await began.opened
    caller.destroy()
    await gaveUp.opened
  })

  test('is waited for by the process that stops, though its caller has gone: the databases are closed after it', async () => {
    const [began, gone, finish] = [gate(), gate(), gate()]
    let finished = false
    await listen(async (_, __, signal) => {
      began.open()
      await untilAborted(signal).catch(gone.open)
      await finish.opened
      finished = true
      return 0
    })
    const caller = createConnection(join(data, 'callhouse.sock'))
    caller.write(`${JSON.stringify(request)}\n`)
    await began.opened
    caller.destroy()
    await gone.opened
    const closed = listening!.close().then(() => finished)
    setImmediate(finish.open)
    expect(await closed).toBe(true)
  })

  test('is given up at Ctrl-C, and what it says of that is still printed', async () => {
    const began = gate()
    await listen(async (_, output, signal) => {
      began.open()
      return untilAborted(signal).finally(() => output.out('half of it\n'))
    })
    const [caller, output] = [new AbortController(), collector()]
    const asked = ask(output, caller.signal)
    await began.opened
    caller.abort()
    expect(await asked).toBe(INTERRUPTED)
    expect(output.said).toEqual(['out half of it\n'])
    expect(await ask(collector(), AbortSignal.abort())).toBe(INTERRUPTED)
  })

  test('is given up when the process stops, which waits for that; one that finishes all the same has its exit code', async () => {
    const began = [gate(), gate()]
    const finish = gate()
    let given_up = false
    await listen(async ({ options }, _, signal) => {
      if ('stubborn' in options) {
        began[0]!.open()
        await finish.opened
        return 0
      }
      began[1]!.open()
      return untilAborted(signal).finally(() => (given_up = true))
    })
    const stubborn = askOwner(data, { ...request, options: { stubborn: true } }, collector(), new AbortController().signal)
    const asked = ask()
    await Promise.all(began.map(({ opened }) => opened))
    stop.abort()
    await expect(asked).rejects.toMatchObject({ code: 'process_stopping' })
    expect(given_up).toBe(true)
    const closed = listening!.close()
    finish.open()
    expect(await stubborn).toBe(0)
    await closed
    expect(await ask()).toBeUndefined()
    expect(readdirSync(data)).toEqual([])
  })

  test('whose process is killed says so', async () => {
    const server = createServer((socket) => void socket.once('data', () => socket.destroy())).listen(join(data, 'callhouse.sock'))
    await expect(ask()).rejects.toMatchObject({ code: 'process_stopping', retryable: true })
    await new Promise((resolve) => server.close(resolve))
  })
})

describe('the socket', () => {
  test('is only for its owner, whatever the umask, and is removed at the end', async () => {
    const before = process.umask(0)
    await listen(async () => 0).finally(() => process.umask(before))
    expect(statSync(join(data, 'callhouse.sock')).mode & 0o777).toBe(0o600)
    await listening!.close()
    expect(readdirSync(data)).toEqual([])
  })

  test('lets no other user in', async (context) => {
    if (process.getuid?.() !== 0) return context.skip('only root can try as another user')
    for (const open of [folder, data]) chmodSync(open, 0o755)
    await listen(async () => 0)
    const code = `require('net').connect(process.argv[1]).on('error', (e) => console.log(e.code)).on('connect', () => process.exit())`
    const said = await new Promise((resolve) =>
      execFile(process.execPath, ['-e', code, join(data, 'callhouse.sock')], { uid: 65_534, cwd: '/' }, (_, out) => resolve(out.trim())),
    )
    expect(said).toBe('EACCES')
  })

  test.each(['a socket', 'a file'])('that a dead process left (%s) is nobody, and is replaced', async (left) => {
    const path = join(data, 'callhouse.sock')
    if (left === 'a file') writeFileSync(path, '')
    else {
      const code = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
      await new Promise((resolve) => execFile(process.execPath, ['-e', code, path], resolve))
    }
    expect(existsSync(path)).toBe(true)
    expect(await ask()).toBeUndefined()
    await listen(async () => 7)
    expect(await ask()).toBe(7)
  })

  test('of a directory with a long name is in a private temporary directory; nothing of it stays', async () => {
    data = join(data, 'd'.repeat(60), 'e'.repeat(60))
    mkdirSync(data, { recursive: true })
    await listen(async () => 5)
    const elsewhere = readFileSync(join(data, 'callhouse.sock.path'), 'utf8').trim()
    expect(statSync(dirname(elsewhere)).mode & 0o777).toBe(0o700)
    expect(statSync(elsewhere).mode & 0o777).toBe(0o600)
    expect(await ask()).toBe(5)
    await listening!.close()
    expect([existsSync(dirname(elsewhere)), readdirSync(data)]).toEqual([false, []])
    // What a killed process left there is removed by the next.
    const dead = join(mkdtempSync(join(tmpdir(), 'callhouse-')), 'verbs.sock')
    writeFileSync(join(data, 'callhouse.sock.path'), `${dead}\n`)
    writeFileSync(dead, '')
    expect(await ask()).toBeUndefined()
    await listen(async () => 6)
    expect(await ask()).toBe(6)
    expect(existsSync(dirname(dead))).toBe(false)
  })

  test('never removes a directory with something else in it', async () => {
    const mine = mkdtempSync(join(folder, 'mine-'))
    writeFileSync(join(mine, 'letter'), 'dear')
    writeFileSync(join(data, 'callhouse.sock.path'), `${join(mine, 'verbs.sock')}\n`)
    await listen(async () => 0)
    expect(readdirSync(mine)).toEqual(['letter'])
  })

  test.each([
    ['not JSON', 'GET / HTTP/1.1\n', 'bad_request'],
    ['another shape', '{"verb":7}\n', 'bad_request'],
    ['null', 'null\n', 'bad_request'],
    ['endless', 'x'.repeat(1024 * 1024 + 1), 'bad_request'],
  ])('refuses a request that is %s, and goes on', async (_, text, code) => {
    await listen(async () => 9)
    const answer = await new Promise<string>((resolve) => {
      let said = ''
      const caller = createConnection({ path: join(data, 'callhouse.sock'), allowHalfOpen: true }, () => caller.write(text))
      caller.on('error', () => undefined).setEncoding('utf8')
      caller.on('data', (chunk: string) => (said += chunk)).on('close', () => resolve(said))
      caller.on('end', () => caller.destroy())
    })
    expect(JSON.parse(answer)).toMatchObject({ error: { code } })
    expect(await ask()).toBe(9)
  })

  test('closes on a caller that says nothing', async () => {
    await listen(async () => 0)
    const caller = createConnection(join(data, 'callhouse.sock')).on('error', () => undefined)
    await new Promise((resolve) => caller.once('connect', resolve))
    const closed = new Promise((resolve) => caller.once('close', resolve))
    await listening!.close()
    caller.resume()
    await closed
  })
})
