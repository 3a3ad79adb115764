/**
 * Malformed, half-valid and odd inputs for every parser, through the loader into
 * the real engine: nothing throws, every input is stored or dead-lettered, what
 * is stored is what was sent, and a replay of dead letters is idempotent.
 *
 * 1,500 inputs in an ordinary run, 10,000 with CI=true, 50,000 of a new seed
 * with CALLHOUSE_SOAK=1. Tests are named by their seed: FUZZ_SEED=n repeats it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { damage } from './fixtures/fuzz/damage.ts'
import { PRETEND_URL, pretendItem } from './fixtures/fuzz/json-inputs.ts'
import { fittingRecord, unfitRecord } from './fixtures/fuzz/odd-records.ts'
import { digestOf, expectJudged, expectRows, expectStored, lettersOf } from './fixtures/fuzz/test-accounts.ts'
import { fuzzParsers } from './fixtures/fuzz/test-parsers.ts'
import { fuzzSeed, fuzzSize } from './fixtures/fuzz/test-size.ts'
import { Random } from './fixtures/random.ts'
import { GarbledAnswer } from './ingest/http-client.ts'
import { Loader } from './ingest/loader.ts'
import { entityNames, type CanonicalRecord, type EntityName } from './ingest/records/index.ts'
import { replayDeadLetters } from './ingest/replay-dead-letters.ts'
import { readPretendPage } from './ingest/sources/pretend-items.ts'
import { warehouseRecordStore } from './ingest/warehouse-record-store.ts'
import { migrateWarehouse } from './sql/migrate-warehouse.ts'
import { openWarehouse, type Warehouse } from './sql/warehouse.ts'

const timeout = 20_000 + fuzzSize * 20

const data = mkdtempSync(join(tmpdir(), 'callhouse-fuzz-'))
let warehouse: Warehouse
let loader: Loader
beforeAll(async () => {
  warehouse = await openWarehouse({ database: 'callhouse', path: data })
  await migrateWarehouse(warehouse)
  loader = new Loader(warehouseRecordStore(warehouse))
})
afterAll(async () => {
  await warehouse.close()
  rmSync(data, { recursive: true, force: true })
})

describe.each(fuzzParsers.map((parser, n) => ({ name: parser.name, parser, n })))('$name', ({ name, parser, n }) => {
  const count = Math.ceil(fuzzSize * parser.share)
  const target = { tenant_id: name, source_id: 'fuzz' }

  test(`${count} inputs of seed ${fuzzSeed} are stored or dead-lettered, each as it came`, { timeout }, async () => {
    const prototype = Object.getOwnPropertyNames(Object.prototype)
    const inputs = parser.inputs(new Random(fuzzSeed, n), count)
    const counts = { inputs: 0, accepted: 0, rejected: 0 }
    const records: CanonicalRecord[] = []
    for await (const batch of parser.read(inputs)) {
      records.push(...batch.records)
      const { accepted, rejected } = await loader.load(batch, target)
      counts.inputs += batch.inputs
      counts.accepted += accepted
      counts.rejected += rejected
    }
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(prototype)

    const letters = await lettersOf(warehouse, name)
    const dead = new Map(letters.map((letter) => [parser.positionOf(letter), letter]))
    expect(dead.size, 'dead letters at a position of their own').toBe(letters.length)
    expectJudged(inputs, dead)
    expect(counts).toEqual({ inputs: inputs.length, accepted: inputs.length - letters.length, rejected: letters.length })
    await expectStored(warehouse, name, records, letters)
    const rows = inputs.flatMap((input) => input.rows ?? [])
    await expectRows(warehouse, name, rows)
    // A generator of nothing but rubbish, or of nothing odd, would show nothing.
    expect(Math.min(rows.length, letters.length)).toBeGreaterThan(count / 10)
  })

  test(`a replay of the dead letters of seed ${fuzzSeed} changes nothing but their attempts`, { timeout }, async () => {
    const before = await lettersOf(warehouse, name)
    const stored = await digestOf(warehouse, name)
    const replay = (apply: boolean) => replayDeadLetters(warehouse, loader, parser.source, target, { apply })
    expect(await replay(false)).toMatchObject({ letters: before.length, loaded: 0, failing: before.length })
    expect(await lettersOf(warehouse, name)).toEqual(before)
    for (const attempts of [1, 2]) {
      expect(await replay(true)).toMatchObject({ letters: before.length, loaded: 0, failing: before.length })
      const after = await lettersOf(warehouse, name)
      // Today's reason may be another: a line by itself lacks its neighbours.
      expect(after).toEqual(before.map((letter, at) => ({ ...letter, attempts, reason: after[at]?.reason })))
      expect(await digestOf(warehouse, name)).toEqual(stored)
    }
  })
})

describe.each(fuzzParsers.map((parser, n) => ({ name: parser.name, parser, n })))(
  '$name, refused by the parser before this one',
  ({ name, parser, n }) => {
    test(`a replay of seed ${fuzzSeed} loads each dead letter once, as it came`, { timeout }, async () => {
      const target = { tenant_id: `${name}-again`, source_id: 'fuzz' }
      const whole = parser.inputs(new Random(fuzzSeed, n, 1), Math.ceil((fuzzSize * parser.share) / 3)).flatMap((input) => {
        // A visit is made of several lines, which a dead letter by itself is not.
        const [row] = input.rows ?? []
        return row && row.entity !== 'queue_visits' ? [{ input, row }] : []
      })
      const rejects = whole.map(({ input, row }) => ({
        position: parser.letterAt(input),
        entity: row.entity,
        code: 'field_invalid' as const,
        reason: 'not known yet',
        payload: input.bytes.toString(),
      }))
      await loader.load({ stream: 's', inputs: rejects.length, records: [], rejects, checkpoint: null }, target)
      const replay = () => replayDeadLetters(warehouse, loader, parser.source, target, { apply: true })
      expect(await replay()).toMatchObject({ letters: rejects.length, loaded: rejects.length, failing: 0 })
      await expectRows(
        warehouse,
        target.tenant_id,
        whole.map(({ row }) => row),
      )
      const stored = await digestOf(warehouse, target.tenant_id)
      expect(await replay()).toMatchObject({ letters: 0, loaded: 0 })
      // Delivered once more as a crash would have it, and replayed once more.
      await loader.load({ stream: 's', inputs: 5, records: [], rejects: rejects.slice(0, 5), checkpoint: null }, target)
      await replay()
      expect(await digestOf(warehouse, target.tenant_id)).toEqual(stored)
      expect(await lettersOf(warehouse, target.tenant_id)).toEqual([])
    })
  },
)

describe('what the encoder accepts is what is stored', () => {
  test.each(entityNames)(`%s of seed ${fuzzSeed}`, { timeout }, async (entity) => {
    const random = new Random(fuzzSeed, 99, entityNames.indexOf(entity))
    const target = { tenant_id: `encoded-${entity}`, source_id: 'fuzz' }
    const fit = Array.from({ length: Math.ceil(fuzzSize / 25) }, (_, n) => ({ native_id: `f${n}`, ...fittingRecord(random, entity) }))
    const unfit = Array.from({ length: Math.ceil(fuzzSize / 50) }, (_, n) => ({ native_id: `u${n}`, ...unfitRecord(random, entity) }))
    const records = [...fit, ...unfit].map(
      ({ native_id, fields }) => ({ entity, record: { native_id, version: 1, payload: native_id, ...fields } }) as unknown as CanonicalRecord,
    )
    const result = await loader.load({ stream: 's', inputs: records.length, records, rejects: [], checkpoint: null }, target)
    const letters = await lettersOf(warehouse, target.tenant_id)
    expect(letters.map(({ payload }) => payload).sort()).toEqual(unfit.map(({ native_id }) => native_id).sort())
    expect(result).toMatchObject({ accepted: fit.length, rejected: unfit.length, rows: fit.length })
    const rows = fit.map(({ native_id, stored }) => ({ entity, native_id, stored }))
    await expectRows(warehouse, target.tenant_id, rows)
  })
})

test(`pages of seed ${fuzzSeed}: refused whole, so that they are asked for again, or taken item by item`, () => {
  const random = new Random(fuzzSeed, 55)
  const taken = { whole: 0, refused: 0 }
  for (let n = 0; n < fuzzSize; n++) {
    const entity = random.pick(entityNames)
    const items = Array.from({ length: random.int(0, 3) }, (_, at) => pretendItem(random, `i${at}`, entity).bytes)
    const text = damage(random, pageOf(items)).bytes.toString()
    const read = readOrRefuse(text, entity)
    if (read === undefined) taken.refused += 1
    else {
      taken.whole += 1
      const { items: parsed } = JSON.parse(text) as { items: unknown[] }
      expect(read.records.length + read.rejects.length, text.slice(0, 1000)).toBe(parsed.length)
    }
  }
  expect(Math.min(taken.whole, taken.refused)).toBeGreaterThan(fuzzSize / 50)
})

function pageOf(items: readonly Buffer[]): Buffer {
  return Buffer.from(`{"items":[${items.map((item) => item.toString()).join(',')}],"next_cursor":null,"as_of":"2026-11-23T10:00:00Z"}`)
}

/** Undefined for what the client takes for a garbled answer; it throws on anything else. */
function readOrRefuse(text: string, entity: EntityName): ReturnType<typeof readPretendPage> | undefined {
  try {
    return readPretendPage(text, entity, PRETEND_URL)
  } catch (thrown) {
    if (thrown instanceof SyntaxError || thrown instanceof GarbledAnswer) return undefined
    throw thrown
  }
}

test('an ordinary run is a small one', (context) => {
  if (fuzzSize < 10_000) context.skip(`${fuzzSize} inputs here; 10,000 with CI=true, 50,000 of a new seed with CALLHOUSE_SOAK=1`)
})
