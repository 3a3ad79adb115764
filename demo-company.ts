/** The demo's pretend phone company: a child process, and what must stay the same from one start to the next. */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DateTime } from 'luxon'
import type { SourceSettings } from './config.ts'
import { CallhouseError } from './errors.ts'

/** What must stay the same from one start to the next, so that the second resumes the first. */
export interface DemoState {
  seed: number
  /** The first day of the company's history, in its own zone. */
  history_from: string
  /** Opens the pretend company's API; it is as pretend as the company. */
  token: string
  /** Where the company listened last: recordings name their audio by it. */
  port: number
  /** Opens the demo's SQL on loopback. */
  sql_secret: string
  /** The demo's own key, kept so that each start can show it. */
  api_key?: string
}

export const DEMO_TENANT = 'demo'
export const DEMO_ZONE = 'Europe/Berlin'
const HISTORY_DAYS = 90

/** The demo's state in the data directory; made on the first start. */
export function loadDemoState(data: string, options: { seed?: number; days?: number } = {}): DemoState {
  const file = join(data, 'demo.json')
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as DemoState
  const history_from = today()
    .minus({ days: options.days ?? HISTORY_DAYS })
    .toISODate()!
  const secret = (): string => randomBytes(18).toString('base64url')
  return { seed: options.seed ?? 1, history_from, token: secret(), port: 0, sql_secret: secret() }
}

function today(): DateTime {
  return DateTime.now().setZone(DEMO_ZONE).startOf('day')
}

/** Readable by its owner only: it holds the demo's key. */
export function saveDemoState(data: string, state: DemoState): void {
  mkdirSync(data, { recursive: true })
  writeFileSync(join(data, 'demo.json'), `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 })
}

export interface PretendCompany {
  url: string
  stop(): void
}

/** Starts the pretend phone company beside this process; it ends when this process does. */
export function startPretendCompany(state: DemoState): Promise<PretendCompany> {
  const first = startOn(state, state.port)
  // Where it listened last may be taken by now.
  return state.port === 0 ? first : first.catch(() => startOn(state, 0))
}

async function startOn(state: DemoState, port: number): Promise<PretendCompany> {
  const { seed, token } = state
  const days = Math.round(today().diff(DateTime.fromISO(state.history_from, { zone: DEMO_ZONE }), 'days').days)
  const options = JSON.stringify({ seed, days, token, port, time_zone: DEMO_ZONE })
  const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'fixtures', 'telco-main.ts'), options], {
    cwd: import.meta.dirname,
    stdio: ['pipe', 'pipe', 'inherit'],
    // Ctrl-C reaches the whole process group; the company must outlive the last pull.
    detached: true,
  })
  const url = await firstLine(child)
  child.unref()
  return { url, stop: () => void child.stdin?.end() }
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout! }).once('line', (line) => resolve((JSON.parse(line) as { url: string }).url))
    child.once('error', reject)
    child.once('exit', (code) =>
      reject(new CallhouseError('internal', `The pretend phone company ended with code ${code ?? 'none'} before it was ready.`)),
    )
  })
}

/** The pretend company as a source. */
export function demoSource(company: PretendCompany, state: DemoState): SourceSettings {
  return {
    id: 'telco',
    tenant: DEMO_TENANT,
    kind: 'pretend',
    poll_ms: 2_000,
    cron: undefined,
    time_zone: DEMO_ZONE,
    options: { url: company.url, token: state.token },
  }
}
