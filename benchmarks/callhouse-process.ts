/** Callhouse as its users run it: the command, in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { BENCH_KEY } from './loaded-stores.ts'

export interface CallhouseProcess {
  url: string
  child: ChildProcess
  /** The most memory it has had so far. */
  peakMegabytes(): number
  stop(): Promise<void>
}

/** Starts `callhouse <verb>` on a data directory and a free port; resolves when the API answers. */
export async function startCallhouse(verb: string[], data: string, env: Record<string, string> = {}): Promise<CallhouseProcess> {
  const port = await freePort()
  return start(verb, { CALLHOUSE_DATA: data, CALLHOUSE_PORT: String(port), ...env }, `http://127.0.0.1:${port}`, 'livez')
}

/** Starts `callhouse warehouse` on a data directory and a free port; its `env` is what other processes need to use it. */
export async function startWarehouse(data: string): Promise<CallhouseProcess & { env: Record<string, string> }> {
  const port = await freePort()
  const file = join(data, 'warehouse.yaml')
  writeFileSync(file, JSON.stringify({ warehouse_server: { port } }))
  const [url, CALLHOUSE_WAREHOUSE_SECRET] = [`http://127.0.0.1:${port}`, 'bench-warehouse-secret']
  const started = await start(['warehouse', '--config', file], { CALLHOUSE_DATA: data, CALLHOUSE_WAREHOUSE_SECRET }, url, 'ping')
  return { ...started, env: { CALLHOUSE_WAREHOUSE_URL: url, CALLHOUSE_WAREHOUSE_SECRET } }
}

async function start(verb: string[], env: Record<string, string>, url: string, probe: string): Promise<CallhouseProcess> {
  const child = spawn(process.execPath, ['callhouse.mjs', ...verb], {
    cwd: join(import.meta.dirname, '..'),
    env: { ...process.env, CALLHOUSE_ADMIN_KEY: BENCH_KEY, CALLHOUSE_LOG_LEVEL: 'error', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await answers(`${url}/${probe}`, child)
  return {
    url,
    child,
    peakMegabytes: () => peakMegabytes(child.pid!),
    stop: async () => {
      child.kill('SIGINT')
      await ended
    },
  }
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    try {
      if ((await fetch(url)).ok) return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  throw new Error('callhouse ended before it answered')
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

/** The high-water mark of a process's resident memory. */
export function peakMegabytes(pid: number): number {
  return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024)
}

/** The same of its children together. */
export function childrenMegabytes(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
  return children.reduce((sum, child) => sum + peakMegabytes(Number(child)), 0)
}
