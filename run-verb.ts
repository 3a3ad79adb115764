/**
 * Runs a verb where the databases are: in this process, or, where another has
 * the embedded ones open, in that one. What it prints and its exit code are the
 * same.
 */
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { openStores, type Stores } from './app.ts'
import type { Config, SourceSettings } from './config.ts'
import { CallhouseError, messageOf } from './errors.ts'
import { realSleep } from './ingest/run-source.ts'
import { openLog } from './log.ts'
import { askOwner, INTERRUPTED, listenForVerbs, type DoVerb, type VerbRequest } from './operator-socket.ts'
import { openControl } from './sql/control.ts'
import type { ControlVerb, Output, StoresVerb } from './verb.ts'
import { findVerb, verbs, type VerbName, type VerbOptions } from './verbs.ts'

const { version } = createRequire(import.meta.url)('./package.json') as { version: string }

export const terminal: Output = {
  is_tty: process.stdout.isTTY,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
}

/** A process that has just taken the directory is still opening it; then it listens. */
const STARTING_MS = 3_000
const BETWEEN_MS = 100

/**
 * Resolves to the exit code. A process that holds the data directory is asked to
 * do the work with its own sources; otherwise it is done here.
 */
export async function runVerb<Name extends VerbName>(
  config: Config,
  name: Name,
  options: VerbOptions<Name>,
  signal: AbortSignal,
  output: Output = terminal,
): Promise<number> {
  const verb = verbs[name] as unknown as ControlVerb<object> | StoresVerb<object>
  verb.check?.(options)
  const request: VerbRequest = { version, verb: name, options, is_tty: output.is_tty }
  const ask = async (): Promise<number | undefined> => (canBeHeld(config, verb) ? await askOwner(config.data, request, output, signal) : undefined)
  const answered = await ask()
  if (answered !== undefined) return answered
  const opened = await openFor(config, verb).catch((thrown: unknown) => (isHeld(thrown) ? thrown : Promise.reject(thrown as Error)))
  if (opened instanceof CallhouseError) {
    for (const until = performance.now() + STARTING_MS; performance.now() < until && !signal.aborted; await realSleep(BETWEEN_MS, signal)) {
      const later = await ask()
      if (later !== undefined) return later
    }
    throw opened
  }
  try {
    return await opened.run(options, { sources: config.sources, log: openLog(config.log_level), signal, output })
  } catch (thrown) {
    if (signal.aborted) return INTERRUPTED
    throw thrown
  } finally {
    await opened.close()
  }
}

/**
 * Does other processes' verbs in this one while `work` runs, until the signal
 * aborts; not where they can open the databases themselves. Without a socket
 * they are told who has the directory, as ever; so a failure is only logged.
 */
export async function serveVerbs(
  stores: Stores,
  config: Config,
  sources: readonly SourceSettings[],
  log: Logger,
  stop: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  const doVerb: DoVerb = async (request, output, signal) => {
    if (request.version !== version)
      throw new CallhouseError(
        'bad_request',
        `Process ${process.pid} has the data directory open and is Callhouse ${version}; this command is ${request.version}. Restart that process.`,
      )
    const verb = findVerb(request.verb)
    if (!verb) throw new CallhouseError('bad_request', `There is no verb "${request.verb}" that another process can do.`)
    verb.check?.(request.options)
    return await runOn(stores, verb, request.options, { sources, log, signal, output })
  }
  const is_shared = config.database_url !== undefined && config.warehouse.url !== undefined
  const socket = is_shared
    ? undefined
    : await listenForVerbs(config.data, doVerb, log, stop).catch((thrown: unknown) => {
        log.warn({ reason: messageOf(thrown) }, 'no socket for verbs: while this process runs, others cannot work on its data')
        return undefined
      })
  try {
    await work()
  } finally {
    await socket?.close()
  }
}

interface Circumstances {
  sources: readonly SourceSettings[]
  log: Logger
  signal: AbortSignal
  output: Output
}

type AnyVerb = ControlVerb<object> | StoresVerb<object>

function runOn(stores: Stores, verb: AnyVerb, options: object, circumstances: Circumstances): Promise<number> {
  const { control } = stores
  return verb.opens === 'control'
    ? verb.run({ control, output: circumstances.output }, options)
    : verb.run({ ...circumstances, control, stores }, options)
}

/** Opens what the verb needs, and no more. */
async function openFor(config: Config, verb: AnyVerb): Promise<{ run(options: object, on: Circumstances): Promise<number>; close(): Promise<void> }> {
  if (verb.opens === 'stores') {
    const stores = await openStores(config)
    return { run: (options, on) => runOn(stores, verb, options, on), close: () => stores.close() }
  }
  mkdirSync(config.data, { recursive: true })
  const control = await openControl({ url: config.database_url, path: join(config.data, 'control') })
  return { run: (options, { output }) => verb.run({ control, output }, options), close: () => control.close() }
}

/** Whether what the verb opens is embedded, so that one process has it to itself. */
function canBeHeld(config: Config, verb: AnyVerb): boolean {
  return config.database_url === undefined || (verb.opens === 'stores' && config.warehouse.url === undefined)
}

function isHeld(thrown: unknown): thrown is CallhouseError {
  return thrown instanceof CallhouseError && (thrown.code === 'control_locked' || thrown.code === 'warehouse_locked')
}
