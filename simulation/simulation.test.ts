/**
 * The project's own loader, puller and refresh, seed by seed in a world whose
 * clock, chance, network and stores are simulated: whatever fails, dies or
 * sleeps, the facts end equal to what the phone company has, and nothing is
 * claimed before it is true.
 *
 * 150 seeds in an ordinary run, 10,000 with CI=true, 200,000 with
 * CALLHOUSE_SOAK=1, always from the first; CALLHOUSE_SEEDS=n runs another number
 * of them, CALLHOUSE_SEED=n that seed alone, and prints all that happens in it.
 */
import { expect, test } from 'vitest'
import { mutations } from './mutations.ts'
import { namedSeeds } from './named-seeds.ts'
import { runSeed, type Outcome } from './run-seed.ts'

const FIRST_SEED = 1
const soak = process.env['CALLHOUSE_SOAK'] === '1'
const count = Number(process.env['CALLHOUSE_SEEDS'] ?? (soak ? 200_000 : process.env['CI'] ? 10_000 : 150))
const only = process.env['CALLHOUSE_SEED'] === undefined ? undefined : Number(process.env['CALLHOUSE_SEED'])
/** Of a failing schedule that many lines are printed: the last ones. */
const LINES = 80

/** Why a seed failed, how to see it again, and how its schedule ended. */
async function tell({ seed, failure }: Outcome): Promise<string> {
  const { trace } = await runSeed(seed, { trace: true })
  const command = `CALLHOUSE_SEED=${seed} npx vitest run simulation/simulation`
  return [`seed ${seed}: ${failure}`, `To see all of it: ${command}`, ...trace.slice(-LINES)].join('\n')
}

test(
  'in every schedule all promises are kept',
  async () => {
    if (only !== undefined) {
      const outcome = await runSeed(only, { trace: true })
      console.log(outcome.trace.join('\n'))
      expect(outcome.failure).toBeUndefined()
      return
    }
    const began = performance.now()
    const failed: Outcome[] = []
    const sums = { requests: 0, batches: 0, refreshes: 0, kills: 0, minutes: 0 }
    for (let seed = FIRST_SEED; seed < FIRST_SEED + count && failed.length < 5; seed++) {
      const outcome = await runSeed(seed)
      if (outcome.failure !== undefined) failed.push(outcome)
      for (const [kind, n] of Object.entries(outcome.counts)) sums[kind as keyof typeof sums] += n
    }
    if (failed.length > 0) expect.fail((await Promise.all(failed.map(tell))).join('\n\n'))
    const seconds = (performance.now() - began) / 1000
    const { requests, batches, refreshes, kills, minutes } = sums
    console.log(
      `${count} schedules in ${seconds.toFixed(1)} s (${Math.round((count / seconds) * 60)} a minute): ${Math.round(minutes / 60)} hours of their time, ` +
        `${requests} requests, ${batches} batches, ${refreshes} refreshes, ${kills} processes lost`,
    )
    // A world in which nothing happens proves nothing.
    expect(batches).toBeGreaterThan(count)
    expect(refreshes).toBeGreaterThan(count)
    expect(kills).toBeGreaterThan(count / 4)
  },
  soak ? 7_200_000 : 600_000,
)

test('a seed gives the same schedule again, to the line, whatever the real clock and real chance say', async () => {
  const real = { now: Date.now, random: Math.random }
  for (let seed = FIRST_SEED; seed < FIRST_SEED + 10; seed++) {
    const first = await runSeed(seed, { trace: true })
    Date.now = () => real.now() + 1_000_000_007 * seed
    Math.random = () => real.random() / 2
    const second = await runSeed(seed, { trace: true }).finally(
      () => Object.assign(Date, { now: real.now }) && Object.assign(Math, { random: real.random }),
    )
    expect(first.trace.length).toBeGreaterThan(50)
    expect(second).toEqual(first)
  }
})

test.each(namedSeeds)('seed $seed finds it when $mistake: $story', async ({ seed, mistake }) => {
  const mutation = mutations.find(({ name }) => name === mistake)
  expect(mutation, `no mutation is named "${mistake}"`).toBeDefined()
  expect((await runSeed(seed, { mutation })).failure).toBeDefined()
  expect((await runSeed(seed)).failure).toBeUndefined()
})

test('all seeds', (context) => {
  if (count < 200_000) context.skip(`${count} seeds here; 10,000 run with CI=true and 200,000 with CALLHOUSE_SOAK=1`)
})
