/**
 * How a verb reaches the process that has the embedded databases open: over a
 * unix socket that only the directory's owner can connect to. A request is one
 * line of JSON; the answer is lines with what to print, and at last how it
 * ended. When the caller goes, or the process stops, the work is given up at
 * its next step.
 */
import { createConnection, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Logger } from 'pino'
import { CallhouseError, errorCodes, messageOf, type ErrorCode } from './errors.ts'
import { listenInData, socketPaths } from './operator-socket-path.ts'
import type { Output } from './verb.ts'

export interface VerbRequest {
  /** Both sides must be of one release: the work is done by the code of the other. */
  version: string
  verb: string
  options: object
  is_tty: boolean
}

type Line = { out: string } | { err: string } | { exit: number } | { error: { code: ErrorCode; message: string } }

/** Does what a request asks for; resolves to the exit code. */
export type DoVerb = (request: VerbRequest, output: Output, signal: AbortSignal) => Promise<number>

/** As a shell says it of a command that Ctrl-C ended. */
export const INTERRUPTED = 130
const REQUEST_WITHIN_MS = 10_000
const LONGEST_REQUEST = 1024 * 1024
const FAREWELL_MS = 1_000

/**
 * Answers verbs until `stop` aborts: then new ones are refused, and those under
 * way are given up at their next step. `close` waits for that. Call both while
 * the directory's lock is held.
 */
export async function listenForVerbs(data: string, work: DoVerb, log: Logger, stop: AbortSignal): Promise<{ close(): Promise<void> }> {
  const closing = new AbortController()
  const stopping = AbortSignal.any([closing.signal, stop])
  const under_way = new Set<Promise<void>>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const done = answer(socket, work, log, stopping).finally(() => under_way.delete(done))
    under_way.add(done)
  })
  const forget = await listenInData(server, data)
  server.on('error', (thrown) => log.error({ reason: messageOf(thrown) }, 'the socket for verbs failed; restart to have it again'))
  return {
    close: async () => {
      closing.abort()
      const closed = new Promise((resolve) => server.close(resolve))
      await Promise.all(under_way)
      await closed
      forget()
    },
  }
}

async function answer(socket: Socket, work: DoVerb, log: Logger, stopping: AbortSignal): Promise<void> {
  const gone = new AbortController()
  const say = (line: Line): void => void (socket.writable && socket.write(`${JSON.stringify(line)}\n`))
  // Nobody to tell: the abort says it.
  socket.on('error', () => undefined)
  for (const event of ['end', 'close'] as const) socket.on(event, () => gone.abort())
  const signal = AbortSignal.any([stopping, gone.signal])
  let verb: string | undefined
  try {
    const request = readRequest(await readLine(socket, signal))
    verb = request.verb
    const output = { is_tty: request.is_tty, out: (text: string) => say({ out: text }), err: (text: string) => say({ err: text }) }
    const exit = await work(request, output, signal)
    log.info({ verb, exit }, 'a verb of another process was done here')
    say({ exit })
  } catch (thrown) {
    if (stopping.aborted) say({ error: { code: 'process_stopping', message: stoppedWhile('is stopping') } })
    else if (gone.signal.aborted) say({ exit: INTERRUPTED })
    else say({ error: { code: thrown instanceof CallhouseError ? thrown.code : 'internal', message: messageOf(thrown) } })
    if (signal.aborted) log.info({ verb }, stopping.aborted ? 'a verb was given up: this process stops' : 'a verb was given up: its caller has gone')
    else if (!(thrown instanceof CallhouseError)) log.error({ verb, err: thrown }, 'unexpected error')
  }
  await new Promise<void>((resolve) => {
    if (socket.destroyed) return resolve()
    socket.once('close', () => resolve())
    socket.end(() => socket.destroy())
    // One that has stopped reading must not keep the process from ending.
    setTimeout(() => socket.destroy(), FAREWELL_MS).unref()
  })
}

/** The first line; everything after it is ignored. */
function readLine(socket: Socket, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const fail = (reason: string): void => reject(new CallhouseError('bad_request', `The request ${reason}.`))
    const timer = setTimeout(() => fail('did not come'), REQUEST_WITHIN_MS)
    const gone = (): void => fail('was not finished')
    if (signal.aborted) return gone()
    signal.addEventListener('abort', gone, { once: true })
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      if (text.includes('\n')) return
      text += chunk
      if (text.length > LONGEST_REQUEST) fail('is too long')
      if (!text.includes('\n')) return
      clearTimeout(timer)
      signal.removeEventListener('abort', gone)
      resolve(text.slice(0, text.indexOf('\n')))
    })
    socket.once('close', () => clearTimeout(timer))
  })
}

function readRequest(line: string): VerbRequest {
  const request = parse(line) as Partial<VerbRequest> | undefined
  const { version, verb, options, is_tty } = request ?? {}
  if (typeof version !== 'string' || typeof verb !== 'string' || typeof options !== 'object' || options === null)
    throw new CallhouseError('bad_request', 'This is not a request of `callhouse`.')
  return { version, verb, options, is_tty: is_tty === true }
}

/**
 * Asks the process that has `data` to do it, and prints what it prints; resolves
 * to its exit code, or to undefined when no process listens there.
 */
export async function askOwner(data: string, request: VerbRequest, output: Output, signal: AbortSignal): Promise<number | undefined> {
  for (const path of socketPaths(data)) {
    const socket = await connect(path)
    if (socket) return await converse(socket, request, output, signal)
  }
  return undefined
}

/** Undefined where nobody listens, as after a kill -9. */
function connect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path, allowHalfOpen: true })
    const failed = (thrown: NodeJS.ErrnoException): void => {
      if (thrown.code === 'EACCES' || thrown.code === 'EPERM')
        reject(
          new CallhouseError('forbidden', `Another user's process has the data directory open (${path}). Run this as that user.`, { cause: thrown }),
        )
      else resolve(undefined)
    }
    socket.once('error', failed)
    socket.once('connect', () => {
      socket.off('error', failed)
      resolve(socket)
    })
  })
}

async function converse(socket: Socket, request: VerbRequest, output: Output, signal: AbortSignal): Promise<number> {
  // Ends our half: the other side gives the work up and says how far it came.
  const leave = (): void => void socket.end()
  signal.addEventListener('abort', leave, { once: true })
  // The lines simply end when the connection breaks.
  socket.on('error', () => undefined)
  socket.write(`${JSON.stringify(request)}\n`)
  if (signal.aborted) leave()
  try {
    for await (const text of createInterface({ input: socket, crlfDelay: Infinity })) {
      const line = parse(text) as Partial<Record<'out' | 'err', string>> & { exit?: number; error?: { code: ErrorCode; message: string } }
      if (line.out !== undefined) output.out(line.out)
      if (line.err !== undefined) output.err(line.err)
      if (line.exit !== undefined) return line.exit
      if (line.error) throw new CallhouseError(errorCodes.includes(line.error.code) ? line.error.code : 'internal', line.error.message)
    }
  } finally {
    signal.removeEventListener('abort', leave)
    socket.destroy()
  }
  if (signal.aborted) return INTERRUPTED
  throw new CallhouseError('process_stopping', stoppedWhile('ended'))
}

function stoppedWhile(what: string): string {
  return `The process that has the data directory ${what}, so the work was given up before it was done. What was done stays, and is sound; run it again.`
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
}
