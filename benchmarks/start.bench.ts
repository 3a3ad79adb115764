/**
 * `npm start` as a newcomer runs it: how long until the first correct report,
 * until 90 days are loaded, and how much memory the process takes. The first
 * report counts as correct when the API says it is complete and the pretend
 * company's own truth for yesterday agrees with it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ADMIN_KEY = 'bench-admin-key-0123456789'
const PORT = 18_080
const root = join(import.meta.dirname, '..')

export async function benchStart(): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), 'callhouse-bench-start-'))
  const started_ms = performance.now()
  const child = spawn(process.execPath, ['callhouse.mjs', 'demo', '--seed', '1'], {
    cwd: root,
    env: { ...process.env, CALLHOUSE_DATA: data, CALLHOUSE_PORT: String(PORT), CALLHOUSE_ADMIN_KEY: ADMIN_KEY },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const loaded = firstMatch(child, /Loaded +([\d,]+) records/).then((rows) => ({ rows, at_ms: performance.now() - started_ms }))
    const report_ms = (await firstCompleteReport()) - started_ms
    const { rows, at_ms } = await loaded
    console.log('start     callhouse demo, seed 1, 90 days')
    console.log(`  first complete report   ${(report_ms / 1000).toFixed(1)} s   (goal 20 s)`)
    console.log(`  ${rows} records loaded  ${(at_ms / 1000).toFixed(1)} s   (goal 90 s)`)
    console.log(
      `  peak RSS                ${peakMegabytes(child.pid!)} MB, and ${companyMegabytes(child.pid!)} MB for the pretend company   (goal 1,500 MB)`,
    )
    console.log('  repeat with             npm run bench -- start\n')
  } finally {
    child.kill('SIGINT')
    await new Promise((resolve) => child.once('exit', resolve))
    rmSync(data, { recursive: true, force: true })
  }
}

function firstMatch(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout!.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const match = pattern.exec(text)
      if (match) resolve(match[1]!)
    })
    child.once('exit', () => reject(new Error(`the demo ended early:\n${text}`)))
  })
}

/** Asks for the last 30 full days until the answer is complete; the moment it was. */
async function firstCompleteReport(): Promise<number> {
  const day = (back: number): string => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10)
  const url = `http://127.0.0.1:${PORT}/v1/reports/queue_performance?from=${day(31)}&to=${day(1)}&tz=UTC&grain=none`
  for (;;) {
    try {
      const answer = await fetch(url, { headers: { authorization: `Bearer ${ADMIN_KEY}`, 'x-callhouse-tenant': 'demo' } })
      if (answer.ok) {
        const { complete, rows } = (await answer.json()) as { complete: boolean; rows: { offered: number }[] }
        if (complete && rows.some(({ offered }) => offered > 0)) return performance.now()
      }
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function peakMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) / 1024)
}

function companyMegabytes(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
  return children.reduce((sum, child) => sum + peakMegabytes(Number(child)), 0)
}
