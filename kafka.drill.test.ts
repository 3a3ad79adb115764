/**
 * Everything dies while it works, as processes: members of one consumer group
 * (`callhouse ingest`), the served warehouse, Postgres, `callhouse transform`
 * and the broker. At the end nothing is lost and nothing is there twice, by the
 * generator's own truth.
 *
 * Needs the real broker: CALLHOUSE_KAFKA=1 or CI=true. 5 kills of the broker, 10
 * of the warehouse, 3 of Postgres, 20 rebalances and more, on 300,000 messages;
 * with CALLHOUSE_SOAK=1 on 1,000,000. DRILL_SEED=n chooses another course,
 * DRILL_MESSAGES=n another size.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { kafkaIsWanted, startKafka } from './fixtures/servers/kafka.ts'
import { startPostgres } from './fixtures/servers/postgres.ts'
import { DRILL, startDrillFleet } from './fixtures/test-drill-fleet.ts'
import { expectTruth } from './fixtures/test-drill-expect.ts'
import { DrillRecords } from './fixtures/test-drill-records.ts'
import { Random } from './fixtures/random.ts'

const is_soak = process.env['CALLHOUSE_SOAK'] === '1'
const size = Number(process.env['DRILL_MESSAGES'] ?? (is_soak ? 1_000_000 : 300_000))
const seed = Number(process.env['DRILL_SEED'] ?? 20261123)
const counts = { broker: 5, warehouse: 10, postgres: 3, kill: 6, leave: 4, join: 4, transform: 2 }
type Trouble = keyof typeof counts
/** Fewer would be no drill. */
const LEAST_REBALANCES = 20

function shuffled(random: Random): Trouble[] {
  const all = Object.entries(counts).flatMap(([trouble, count]) => Array.from({ length: count }, () => trouble as Trouble))
  for (let at = all.length - 1; at > 0; at--) {
    const other = random.int(0, at)
    ;[all[at], all[other]] = [all[other]!, all[at]!]
  }
  return all
}

const wanted = is_soak || kafkaIsWanted()

test('everything is killed while a topic drains: nothing is lost, nothing is there twice', async (context) => {
  if (wanted !== true) return context.skip(wanted)
  const rebalances: string[] = []
  const logger = 'kafka.coordinator.group.GroupCoordinator'
  const onLine = (line: string): void => void (line.includes('Stabilized group drill') && rebalances.push(line))
  const broker = await startKafka({ log: { logger, onLine } })
  if ('missing' in broker) return context.skip(broker.missing)
  const postgres = await startPostgres({ to_be_killed: true })
  if ('missing' in postgres) {
    await broker.stop()
    return context.skip(postgres.missing)
  }
  const data = mkdtempSync(join(tmpdir(), 'callhouse-drill-'))
  const began = performance.now()
  const records = new DrillRecords(seed, size)
  const fleet = await startDrillFleet({ data, broker, postgres, messages: records.messages() })
  try {
    const random = new Random(seed, 7)
    const troubles = shuffled(random)
    const part = size / (troubles.length + 2)
    void fleet.topic.fillTo(Math.ceil(2 * part))
    for (const [at, trouble] of troubles.entries()) {
      await fleet.untilLoaded(Math.floor((at + 1) * part))
      void fleet.topic.fillTo(Math.min(size, Math.ceil((at + 3) * part)))
      await fleet.cause(trouble)
    }
    await fleet.topic.fillTo(size)
    await fleet.untilLoaded(size)
    await fleet.untilNoLag()
    const seconds = Math.round((performance.now() - began) / 1000)
    await fleet.finish()
    const { lost, doubled } = await expectTruth(fleet, records.truth)
    process.stdout.write(
      `drill: ${size} messages in ${DRILL.partitions} partitions, ${rebalances.length} rebalances; restarts: ${counts.broker} broker, ${counts.warehouse} warehouse, ` +
        `${counts.postgres} Postgres, ${counts.transform} transform, ${counts.kill} members; ${seconds} s; lost ${lost}, doubled ${doubled} (DRILL_SEED=${seed})\n`,
    )
    expect(fleet.crashes()).toEqual([])
    expect(rebalances.length).toBeGreaterThanOrEqual(LEAST_REBALANCES)
  } finally {
    await fleet.close()
    await postgres.stop()
    await broker.stop()
    rmSync(data, { recursive: true, force: true })
  }
}, 1_800_000)
