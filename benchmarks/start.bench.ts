/**
 * `npm start` as a newcomer runs it: how long until the first correct report,
 * until 90 days are loaded, and how much memory the process takes. The first
 * report counts when the API says it is complete; that what it calls complete
 * equals the company's own event log is the test truth.test.ts.
 */
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { childrenMegabytes, startCallhouse } from './callhouse-process.ts'
import { BENCH_KEY, TENANT } from './loaded-stores.ts'

export async function benchStart(): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), 'callhouse-bench-start-'))
  const started_ms = performance.now()
  const callhouse = await startCallhouse(['demo', '--seed', '1'], data)
  try {
    const loaded = firstMatch(callhouse.child, /Loaded +([\d,]+) records/).then((rows) => ({ rows, at_ms: performance.now() - started_ms }))
    const report_ms = (await firstCompleteReport(callhouse.url)) - started_ms
    const { rows, at_ms } = await loaded
    console.log('start     callhouse demo, seed 1, 90 days')
    console.log(`  first complete report   ${(report_ms / 1000).toFixed(1)} s   (goal 20 s)`)
    console.log(`  ${rows} records loaded  ${(at_ms / 1000).toFixed(1)} s   (goal 90 s)`)
    console.log(
      `  peak RSS                ${callhouse.peakMegabytes()} MB, and ${childrenMegabytes(callhouse.child.pid!)} MB for the pretend company   (goal 1,500 MB)`,
    )
    console.log('  repeat with             npm run bench -- start\n')
  } finally {
    await callhouse.stop()
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
async function firstCompleteReport(base: string): Promise<number> {
  const day = (back: number): string => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10)
  const url = `${base}/v1/reports/queue_performance?from=${day(31)}&to=${day(1)}&tz=UTC&grain=none`
  for (;;) {
    const answer = await fetch(url, { headers: { authorization: `Bearer ${BENCH_KEY}`, 'x-callhouse-tenant': TENANT } })
    if (answer.ok) {
      const { complete, rows } = (await answer.json()) as { complete: boolean; rows: { offered: number }[] }
      if (complete && rows.some(({ offered }) => offered > 0)) return performance.now()
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
