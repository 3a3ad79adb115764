/**
 * A year's calls out of Twilio into the warehouse: the command as its users run
 * it, with everything else it does, against an API that answers at once.
 *
 *   TWILIO_CALLS=50000 npm run bench -- twilio      another size
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCallhouse } from './callhouse-process.ts'
import { startFullSpeedTwilio } from './full-speed-twilio.ts'
import { TENANT } from './loaded-stores.ts'
import { cpuOf } from './process-cost.ts'

const DAY_MS = 86_400_000
const DAYS = 100
const POLL_MS = 1_000
const ACCOUNT = `AC${'1'.repeat(32)}`

export async function benchTwilio(): Promise<void> {
  const pages_per_day = Math.max(1, Math.round(Number(process.env['TWILIO_CALLS'] ?? 1_000_000) / 1_000 / DAYS))
  const first_day_ms = Math.floor(Date.now() / DAY_MS) * DAY_MS - (DAYS + 20) * DAY_MS
  const data = mkdtempSync(join(tmpdir(), 'callhouse-bench-twilio-'))
  const twilio = await startFullSpeedTwilio(ACCOUNT, first_day_ms, DAYS, pages_per_day)
  const config = join(data, 'callhouse.yaml')
  const history_from = new Date(first_day_ms).toISOString()
  const options = { account_sid: ACCOUNT, auth_token: 'none', url: twilio.url, lists: ['calls'], window_days: 1, history_from }
  writeFileSync(config, JSON.stringify({ sources: [{ id: 'twilio', tenant: TENANT, kind: 'twilio', poll_ms: POLL_MS, ...options }] }))
  const callhouse = await startCallhouse(['up', '--config', config], data)
  try {
    const { began_ms, ended_ms } = await twilio.pulled
    const seconds = (ended_ms - began_ms - POLL_MS) / 1_000
    const calls = DAYS * pages_per_day * 1_000
    const [rate, peak] = [Math.round(calls / seconds), callhouse.peakMegabytes()]
    const short = (is_short: boolean): string => (is_short ? ': falls short' : '')
    console.log(`twilio    ${calls.toLocaleString('en')} calls, a third of them legs of another, into calls and call_legs while facts are built`)
    console.log(`  records a second        ${rate.toLocaleString('en')} in ${seconds.toFixed(1)} s   (goal 30,000${short(rate < 30_000)})`)
    console.log(`  CPU                     ${(cpuOf(callhouse.child.pid!) / seconds / 1_000).toFixed(2)} cores, the start included`)
    console.log(`  peak RSS                ${peak} MB   (goal 600${short(peak > 600)})`)
    console.log('  repeat with             npm run bench -- twilio\n')
  } finally {
    await callhouse.stop()
    await twilio.close()
    rmSync(data, { recursive: true, force: true })
  }
}
