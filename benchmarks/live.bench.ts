/**
 * A report while the same process takes in a backlog as fast as it can: one
 * process with everything in it, one source that always has more, one client
 * that asks for a month by queue and half-hour. Idle and ingesting in turns,
 * on the same process; the month that is asked for does not change meanwhile.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCallhouse, type CallhouseProcess } from './callhouse-process.ts'
import { FIRST_DAY_MS, PAGES_PER_DAY, startFullSpeedSource, streams, type FullSpeedSource } from './full-speed-source.ts'
import { startHttpClient, type HttpClient } from './http-client.ts'
import { BENCH_KEY, TENANT } from './loaded-stores.ts'
import { median, quantile } from './machine.ts'
import { cpuOf, untilQuiet } from './process-cost.ts'

const ROUNDS = 8
const PHASE_MS = 5_000
const PAUSE_MS = 40
const MONTH_DAYS = 30

export async function benchLive(): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), 'callhouse-bench-live-'))
  const source = await startFullSpeedSource()
  const client = startHttpClient()
  const callhouse = await startCallhouse(['up', '--config', configFile(data, source)], data)
  try {
    await load(callhouse, source, MONTH_DAYS * PAGES_PER_DAY)
    const [idle, busy]: [number[], number[]] = [[], []]
    let [pages, cpu_ms, quiet_cpu_ms] = [0, 0, 0]
    for (let round = -1; round < ROUNDS; round++) {
      await untilQuiet(callhouse.child.pid!)
      quiet_cpu_ms += await cpuDuring(callhouse, async () => idle.push(...(await ask(client, callhouse))))
      const before = source.served()
      source.deliver(Infinity)
      while (source.served() < before + streams.length) await new Promise((resolve) => setTimeout(resolve, 20))
      cpu_ms += await cpuDuring(callhouse, async () => busy.push(...(await ask(client, callhouse))))
      source.pause()
      pages += source.served() - before
      // The first round warms everything up and does not count.
      if (round < 0) [idle.length, busy.length, pages, cpu_ms, quiet_cpu_ms] = [0, 0, 0, 0, 0]
    }
    const seconds = (ROUNDS * PHASE_MS) / 1000
    const ms = (n: number): string => `${n.toFixed(1)} ms`
    const ratio = quantile(busy, 0.95) / quantile(idle, 0.95)
    console.log(`live      /v1/query of a month by queue and half-hour, ${ROUNDS} rounds of ${PHASE_MS / 1000} s each, in turns`)
    console.log(`  idle                    p50 ${ms(median(idle))}, p95 ${ms(quantile(idle, 0.95))} of ${idle.length}, ${cores(quiet_cpu_ms)} cores`)
    console.log(`  ingesting               p50 ${ms(median(busy))}, p95 ${ms(quantile(busy, 0.95))} of ${busy.length}, ${cores(cpu_ms)} cores`)
    console.log(
      `  ratio                   p50 ${(median(busy) / median(idle)).toFixed(2)}, p95 ${ratio.toFixed(2)}   (goal p95 1.5${ratio > 1.5 ? ': falls short' : ''})`,
    )
    console.log(`  taken in meanwhile      ${Math.round((pages * 1_000) / seconds).toLocaleString('en')} records a second`)
    console.log('  repeat with             npm run bench -- live\n')
  } finally {
    await client.close()
    await callhouse.stop()
    await source.close()
    rmSync(data, { recursive: true, force: true })
  }
}

function cores(cpu_ms: number): string {
  return (cpu_ms / (ROUNDS * PHASE_MS)).toFixed(2)
}

async function cpuDuring({ child }: CallhouseProcess, work: () => Promise<unknown>): Promise<number> {
  const before = cpuOf(child.pid!)
  await work()
  return cpuOf(child.pid!) - before
}

/** The config of a process with one source, which it asks every second. */
export function configFile(data: string, source: FullSpeedSource): string {
  const file = join(data, 'callhouse.yaml')
  const options = { id: 'telco', tenant: TENANT, kind: 'pretend', url: source.url, token: 'none', streams, poll_ms: 1_000 }
  writeFileSync(file, JSON.stringify({ sources: [options] }))
  return file
}

/** Delivers so many pages of each stream; resolves when they are in the facts. */
async function load({ child }: CallhouseProcess, source: FullSpeedSource, pages: number): Promise<void> {
  source.deliver(pages)
  while (source.served() < pages * streams.length) await new Promise((resolve) => setTimeout(resolve, 100))
  await untilQuiet(child.pid!)
}

/** Asks for one phase; the waits in milliseconds. */
async function ask(client: HttpClient, { url }: CallhouseProcess): Promise<number[]> {
  const day = (days: number): string => new Date(FIRST_DAY_MS + days * 86_400_000).toISOString().slice(0, 10)
  const metrics = 'offered,answered,abandoned,service_level,asa_ms'
  const search = new URLSearchParams({ from: day(0), to: day(MONTH_DAYS), tz: 'Europe/Berlin', grain: '30m', metrics, dimensions: 'queue' })
  const waits: number[] = []
  for (const until_ms = performance.now() + PHASE_MS; performance.now() < until_ms;) {
    const answer = await client.get(`${url}/v1/query?${search.toString()}`, { authorization: `Bearer ${BENCH_KEY}`, 'x-callhouse-tenant': TENANT })
    if (answer.status !== 200) throw new Error(`/v1/query answered ${answer.status}: ${answer.body.slice(0, 200)}`)
    waits.push(answer.ms)
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  return waits
}
