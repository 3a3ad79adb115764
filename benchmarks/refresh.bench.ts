/**
 * What a refresh costs. First a hundredth of the tenant-days changed, against a
 * rebuild of all of them. Then the same changed days with 90 days of history
 * and with 900, two processes in turns. Every changed day has a changed record
 * of every kind, so all facts of that day are built again. CPU time decides,
 * since others may use the machine; it is the whole process's, merges included.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { Random } from '../fixtures/random.ts'
import { median } from './machine.ts'
import type { RefreshAnswer, RefreshOrder, TenantDay } from './refresh-worker.ts'

const ROUNDS = 3
/** Refreshes between two rebuilds. */
const REFRESHES = 5
const WIDE = { tenants: 20, days: 90 }
const SHORT = { tenants: 2, days: 90 }
const LONG = { tenants: 2, days: 900 }

type Worker = (order: RefreshOrder) => Promise<RefreshAnswer>
interface Cost {
  ms: number[]
  cpu_ms: number[]
}

export async function benchRefresh(): Promise<void> {
  await compareWithRebuild()
  await compareHistories()
  console.log('  repeat with             npm run bench -- refresh\n')
}

async function compareWithRebuild(): Promise<void> {
  const [worker, child] = start()
  const random = new Random(1)
  const filled = await worker({ do: 'fill', ...WIDE })
  const [all, part] = [cost(), cost()]
  const count = Math.round((WIDE.tenants * WIDE.days) / 100)
  let [all_days, part_days] = [0, 0]
  for (let round = 0; round < ROUNDS; round++) {
    await worker({ do: 'touch_all', round })
    const rebuilt = await worker({ do: 'refresh' })
    all_days = add(all, rebuilt)
    for (let again = 0; again < REFRESHES; again++) {
      await worker({ do: 'touch', tenant_days: tenantDays(random, count, WIDE), round: round * REFRESHES + again })
      part_days = add(part, await worker({ do: 'refresh' }))
    }
  }
  await stop(worker, child)
  const rows = filled.rows.toLocaleString('en')
  console.log(
    `refresh   ${WIDE.tenants} tenants × ${WIDE.days} days, ${rows} records of 5 kinds, ${ROUNDS} rebuilds, ${ROUNDS * REFRESHES} refreshes, seed 1`,
  )
  console.log(`  all, ${all_days} fact days    ${describe(all)}`)
  console.log(`  ${count} tenant-days, ${part_days} fact days   ${describe(part)}`)
  console.log(
    `  ratio of CPU            ${((median(part.cpu_ms) / median(all.cpu_ms)) * 100).toFixed(1)} %   ${goal(median(part.cpu_ms) / median(all.cpu_ms), 0.05, 'goal 5 %')}`,
  )
  console.log(`  ratio of wall time      ${((median(part.ms) / median(all.ms)) * 100).toFixed(1)} %`)
}

async function compareHistories(): Promise<void> {
  const [short, shortChild] = start()
  const [long, longChild] = start()
  const random = new Random(2)
  const filled = [await short({ do: 'fill', ...SHORT }), await long({ do: 'fill', ...LONG })]
  for (const worker of [short, long]) {
    await worker({ do: 'touch_all', round: 0 })
    await worker({ do: 'refresh' })
  }
  const [one, ten] = [cost(), cost()]
  // The first round warms everything up and does not count.
  for (let round = 0; round <= ROUNDS * REFRESHES; round++) {
    const tenant_days = tenantDays(random, 4, SHORT)
    for (const worker of [short, long]) await worker({ do: 'touch', tenant_days, round })
    // In turns, so that neither always comes first.
    const turns = round % 2 === 0 ? [short, long] : [long, short]
    for (const worker of turns) {
      const answer = await worker({ do: 'refresh' })
      if (round > 0) add(worker === short ? one : ten, answer)
    }
  }
  await stop(short, shortChild)
  await stop(long, longChild)
  const [few, many] = filled.map(({ rows }) => rows.toLocaleString('en'))
  console.log(`  the same 4 tenant-days, ${ROUNDS * REFRESHES} rounds, of ${SHORT.tenants} tenants with`)
  console.log(`  ${SHORT.days} days, ${few} records     ${describe(one)}`)
  console.log(`  ${LONG.days} days, ${many} records   ${describe(ten)}`)
  const ratio = median(ten.cpu_ms) / median(one.cpu_ms)
  console.log(`  ratio of CPU            ${ratio.toFixed(2)}   ${goal(ratio, 1.2, 'goal 1.2')}`)
  console.log(`  ratio of wall time      ${(median(ten.ms) / median(one.ms)).toFixed(2)}`)
}

function tenantDays(random: Random, count: number, { tenants, days }: { tenants: number; days: number }): TenantDay[] {
  const chosen = new Map<string, TenantDay>()
  while (chosen.size < count) {
    const at = { tenant: random.int(0, tenants - 1), days_back: random.int(0, days - 1) }
    chosen.set(`${at.tenant}/${at.days_back}`, at)
  }
  return [...chosen.values()]
}

function start(): [Worker, ChildProcess] {
  const child = fork(join(import.meta.dirname, 'refresh-worker.ts'), { execArgv: ['--import', 'tsx'] })
  const worker: Worker = (order) =>
    new Promise((resolve, reject) => {
      const ended = (code: number | null): void => reject(new Error(`the worker ended with code ${code} while it should ${order.do}`))
      child.once('exit', ended)
      child.once('message', (answer: RefreshAnswer) => {
        child.off('exit', ended)
        resolve(answer)
      })
      child.send(order)
    })
  return [worker, child]
}

async function stop(worker: Worker, child: ChildProcess): Promise<void> {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await worker({ do: 'stop' })
  await ended
}

function cost(): Cost {
  return { ms: [], cpu_ms: [] }
}

/** Notes what a refresh cost; returns the days it built. */
function add(to: Cost, { ms, cpu_ms, days }: RefreshAnswer): number {
  to.ms.push(ms)
  to.cpu_ms.push(cpu_ms)
  return days
}

function describe({ ms, cpu_ms }: Cost): string {
  const whole = (n: number): string => `${Math.round(n).toLocaleString('en')} ms`
  return `${whole(median(cpu_ms))} of CPU, ${whole(median(ms))}`
}

function goal(value: number, most: number, text: string): string {
  return `(${text}${value > most ? ': falls short' : ''})`
}
