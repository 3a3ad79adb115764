/**
 * A process that dies anywhere, again and again, leaves the warehouse exact:
 * every record of the company once, every dead letter, facts that are the truth.
 * Embedded engines; crash.services.test.ts does the same to several processes.
 *
 * A few kills in an ordinary run; with CI=true every named point and 200 random
 * kills over both files, with CALLHOUSE_SOAK=1 1,000. DRILL_SEED=n chooses others.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { openStores } from './app.ts'
import { normalizeConfig } from './config.ts'
import { Random } from './fixtures/random.ts'
import {
  byChance, crashPoints, drillConfig, drillKills, drillSeed, expectExact, liveOnce, reportKills, startDrillCompany, type Death,
} from './fixtures/test-drill.ts' // prettier-ignore

const DAY_MS = 86_400_000
const is_small = drillKills < 200
const random = new Random(drillSeed, 1)

function namedDeaths(): Death[] {
  const at_first = new Set<string>(['opened', 'declared', 'pass_ended'])
  const named = crashPoints.map((at): Death => ({ at, nth: at_first.has(at) ? 1 : random.int(1, at.startsWith('refresh') ? 2 : 6) }))
  return is_small ? named.filter((_, at) => at % 5 === drillSeed % 5) : named
}

/** One worker after another, each dying its own death, over one data directory; then one that ends well. */
async function drill(number: number, deaths: Death[]): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), 'callhouse-crash-'))
  const company = await startDrillCompany(drillSeed + number, (2 * DAY_MS) / (deaths.length * 40))
  try {
    const config = drillConfig(company, { data })
    for (const death of deaths) await liveOnce(config, death)
    company.stopTheClock()
    await liveOnce(config, 'when drained')
    const stores = await openStores(normalizeConfig({ data }))
    try {
      await expectExact(stores, company)
    } finally {
      await stores.close()
    }
  } finally {
    await company.telco.close()
    rmSync(data, { recursive: true, force: true })
  }
}

const random_kills = Math.ceil(drillKills / 2)
/** A drill of its own for each fifty, so that its history stays small. */
const in_one = 50

test(`killed at ${is_small ? 'some of the' : 'all'} named points${is_small ? ' and at random times' : ''}`, async () => {
  const began = performance.now()
  const deaths = namedDeaths()
  if (is_small) deaths.push(...Array.from({ length: random_kills }, () => byChance(random)))
  await drill(1, deaths)
  reportKills(is_small ? 'one process' : 'one process, named points', deaths.length, began)
}, 600_000)

test('kill -9 at random times', async (context) => {
  if (is_small) return context.skip('a few kills here; every named point and 200 kills with CI=true, 1,000 with CALLHOUSE_SOAK=1')
  const began = performance.now()
  for (let at = 0; at * in_one < random_kills; at++)
    await drill(
      10 + at,
      Array.from({ length: in_one }, () => byChance(random)),
    )
  reportKills('one process, random times', random_kills, began)
}, 3_600_000)

test('killed while it makes its databases, a first start is made good by the next', async (context) => {
  if (is_small) return context.skip('with CI=true or CALLHOUSE_SOAK=1')
  const began = performance.now()
  const count = Math.ceil(drillKills / 20)
  const company = await startDrillCompany(drillSeed + 4, 60_000)
  try {
    for (let at = 0; at < count; at++) {
      const data = mkdtempSync(join(tmpdir(), 'callhouse-crash-'))
      const config = drillConfig(company, { data })
      await liveOnce(config, { is_working: false, after_ms: ((at + random.next()) / count) * 4000 })
      await liveOnce(config, { at: 'checkpoint_saved', nth: 1 })
      rmSync(data, { recursive: true, force: true })
    }
  } finally {
    await company.telco.close()
  }
  reportKills('first starts', count, began)
}, 600_000)
