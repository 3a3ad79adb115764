/**
 * What every source must do, whatever it reads: one suite, run for each source
 * that gives a case. What a case cannot show it says, with the reason, and the
 * reason is printed.
 */
import { afterEach, beforeEach, describe, expect, test, type TestContext as VitestContext } from 'vitest'
import { EncodedBatch } from '../encode-batch.ts'
import { columnsOf, sourceVersion } from '../encode-record.ts'
import { entities, entityNames, type EntityName } from '../records/index.ts'
import type { Batch, Reject, Source } from '../source.ts'
import { testContext, type TestContext } from '../test-context.ts'
import { rowsOf } from '../test-rows.ts'
import type { SourceDefinition } from './definition.ts'

export type ConformancePoint =
  'credentials' | 'future_cursor' | '429' | '500' | 'timeout' | 'html' | 'disorder' | 'late_update' | 'unknown_field' | 'wrong_type'

export interface ConformanceCase {
  definition: SourceDefinition
  /** Starts what the source reads, with the records that `records` counts in it. */
  start(): Promise<ConformanceWorld>
  /** Points that mean nothing here, and why. */
  not_applicable: Partial<Record<ConformancePoint, string>>
}

export interface ConformanceWorld {
  /** A source as a new process makes it. */
  source(): Source
  /** What a full pull gives, over all entities. */
  records: number
  /** Where the clock of the pulls stands. @default the first of March 2026 */
  now_ms?: number
  /** One with credentials that nobody knows. */
  stranger?(): Source
  /** Every so often an answer is of this kind; undefined stops it. */
  fail?(kind: '429' | '500' | 'timeout' | 'html' | undefined): void
  /** Pages come with their items in another order, and some items twice. */
  disorder?(): void
  /** Changes a record that has been pulled, and adds one; both as late as the look-back allows. Says how many there are now. */
  change():
    | { changed: { entity: EntityName; native_id: string }; records: number }
    | Promise<{ changed: { entity: EntityName; native_id: string }; records: number }>
  /** Time passes at the source, too. */
  pass?(ms: number): void
  /** Checkpoints as they would be had the clock been a year ahead. */
  future?(saved: Map<string, unknown>): void
  /** Adds a record with a member that nobody knows. */
  addUnknown?(): Unknown | Promise<Unknown>
  /** Adds an input of which a value is of the wrong type. */
  addWrong?(): void | Promise<void>
  stop(): Promise<void>
}

/** A record that has a member nobody knows, and the text of it. */
interface Unknown {
  entity: EntityName
  native_id: string
  text: string
}

type Row = Record<string, string>

/** What is stored of what was pulled. */
interface Stored {
  rows: Map<string, Row>
  rejects: Map<string, Reject>
  inputs: number
  rejected: number
}

const nothing = (): Stored => ({ rows: new Map(), rejects: new Map(), inputs: 0, rejected: 0 })

/** One pass, as the runner does it: what is yielded is encoded, folded by version, and its checkpoint saved as JSON. */
async function pull(source: Source, context: TestContext, stored = nothing()): Promise<Stored> {
  for await (const batch of source.pull(context)) {
    const encoded = batch.encoded ?? encode(batch)
    for (const reject of encoded.rejects) stored.rejects.set(reject.position, reject)
    for (const [entity, { rows }] of encoded.tables)
      for (const row of rowsOf(entity, rows)) {
        const key = `${entity}/${row['anchor_day']}/${row['native_id']}`
        if (BigInt(row['version']!) >= BigInt(stored.rows.get(key)?.['version'] ?? -1)) stored.rows.set(key, row)
      }
    stored.inputs += batch.inputs
    stored.rejected += encoded.rejected
    expect(encoded.rejected, 'accepted + rejected = inputs').toBeLessThanOrEqual(batch.inputs)
    context.saved.set(batch.stream, JSON.parse(JSON.stringify(batch.checkpoint)))
  }
  return stored
}

function encode(batch: Batch): EncodedBatch {
  const encoded = new EncodedBatch({ tenant_id: 'acme', source_id: 'phone', observed_at: '2026-03-01 00:00:00.000' })
  for (const reject of batch.rejects) encoded.reject(reject)
  for (const record of batch.records) encoded.add(record)
  return encoded
}

/** Everything but versions, which may count what was seen, and payloads' order: what a reader of the warehouse sees. */
const seen = ({ rows }: Stored): [string, Row][] =>
  [...rows].map(([key, { version: _version, ...row }]): [string, Row] => [key, row]).toSorted(([a], [b]) => (a < b ? -1 : 1))

/** Runs every point for one source. */
export function conforms({ definition, start, not_applicable }: ConformanceCase): void {
  describe(`${definition.kind} conforms`, () => {
    let world: ConformanceWorld
    beforeEach(async () => void (world = await start()))
    afterEach(() => world.stop())

    const newContext = (): TestContext => {
      const context = testContext()
      if (world.now_ms !== undefined) context.clock.now_ms = world.now_ms
      return context
    }
    const skipUnless = (point: ConformancePoint, context: VitestContext): void => {
      const reason = not_applicable[point]
      if (reason !== undefined) context.skip(`does not apply: ${reason}`)
    }
    const full = async (): Promise<Stored> => await pull(world.source(), newContext())

    test('its table is whole, and names every entity it delivers', () => {
      const { kind, spec, options } = definition
      expect(kind).toMatch(/^[a-z][a-z0-9-]*$/)
      for (const [name, text] of Object.entries(spec).filter(([key]) => key !== 'entities')) expect(text, name).toMatch(/\S/)
      expect(spec.entities.length).toBeGreaterThan(0)
      for (const entity of spec.entities) expect(entityNames).toContain(entity)
      for (const entity of world.source().entities) expect(spec.entities).toContain(entity)
      for (const [name, { about }] of Object.entries(options)) {
        expect(name).toMatch(/^[a-z][a-z0-9_]*$/)
        expect(about, name).toMatch(/\S/)
      }
    })

    test('good credentials are told from bad ones with one look', async (context) => {
      skipUnless('credentials', context)
      const checked = await world.source().check!(newContext())
      expect(checked.account).toMatch(/\S/)
      await expect(world.stranger!().check!(newContext())).rejects.toMatchObject({ code: 'source_rejected' })
    })

    test('a full pull gives every record, each of which fits its table', async () => {
      const stored = await full()
      expect(stored.rejected).toBe(0)
      expect(stored.rows.size).toBe(world.records)
      for (const key of stored.rows.keys()) expect(world.source().entities).toContain(key.slice(0, key.indexOf('/')))
    })

    test('pulling again changes nothing: with the checkpoints, by another process, and without them', async () => {
      const context = newContext()
      const source = world.source()
      const stored = await pull(source, context)
      const before = seen(stored)
      expect(before).toHaveLength(world.records)
      for (const again of [source, world.source()]) expect(seen(await pull(again, context, stored))).toEqual(before)
      expect(seen(await pull(world.source(), newContext(), stored))).toEqual(before)
    })

    test('what is pulled bit by bit is what a full pull gives', async () => {
      const context = newContext()
      const source = world.source()
      const stored = await pull(source, context)
      const { records } = await world.change()
      forward(context, 60_000)
      await pull(source, context, stored)
      expect(stored.rows.size).toBe(records)
      expect(seen(stored)).toEqual(seen(await pull(world.source(), laterContext(context))))
    })

    test('a late update is seen within one look-back, by a new process too', async (context) => {
      skipUnless('late_update', context)
      const run = newContext()
      const stored = await pull(world.source(), run)
      const { changed } = await world.change()
      const find = (): [string, Row] =>
        [...stored.rows].find(([key]) => key.startsWith(`${changed.entity}/`) && key.endsWith(`/${changed.native_id}`))!
      const before = find()
      expect(before, `${changed.entity}/${changed.native_id} was pulled`).toBeDefined()
      forward(run, 60_000)
      await pull(world.source(), run, stored)
      const after = find()
      expect(after[1]).not.toEqual(before[1])
      expect(sourceVersion(BigInt(after[1]['version']!))).toBeGreaterThanOrEqual(sourceVersion(BigInt(before[1]['version']!)))
    })

    test('a checkpoint from a clock that was ahead loses nothing: it is refused, or everything is read again', async (context) => {
      skipUnless('future_cursor', context)
      const run = newContext()
      const stored = await pull(world.source(), run)
      const { records } = await world.change()
      forward(run, 60_000)
      world.future!(run.saved)
      const failed = await pull(world.source(), run, stored)
        .then(() => pull(world.source(), run, stored))
        .catch((thrown: unknown) => thrown as { code: string })
      if ('code' in failed) expect(failed.code).toBe('checkpoint_invalid')
      else expect(stored.rows.size).toBe(records)
    })

    test.for(['429', '500', 'timeout', 'html'] as const)('every third answer is %s, and nothing is lost', async (kind, context) => {
      skipUnless(kind, context)
      const whole = await full()
      world.fail!(kind)
      expect(seen(await full())).toEqual(seen(whole))
    })

    test('pages in another order, with items twice, give the same', async (context) => {
      skipUnless('disorder', context)
      const whole = await full()
      world.disorder!()
      expect(seen(await full())).toEqual(seen(whole))
    })

    test('a member that nobody knows is kept in the payload', async (context) => {
      skipUnless('unknown_field', context)
      const { entity, native_id, text } = await world.addUnknown!()
      const { rows } = await full()
      const row = [...rows].find(([key]) => key.startsWith(`${entity}/`) && key.endsWith(`/${native_id}`))?.[1]
      expect(row?.['payload']).toContain(text)
      expect(columnsOf(entities[entity])).not.toContain(text)
    })

    test('a value of the wrong type is a dead letter with a reason, and the others are stored', async (context) => {
      skipUnless('wrong_type', context)
      await world.addWrong!()
      const { rows, rejects, rejected, inputs } = await full()
      expect(rejected).toBeGreaterThan(0)
      expect(rejected).toBeLessThan(inputs)
      for (const { reason, payload, position } of rejects.values()) {
        expect(reason).toMatch(/\S/)
        expect(payload).toMatch(/\S/)
        expect(position).toMatch(/\S/)
      }
      expect(rows.size).toBe(world.records)
    })

    function forward(context: TestContext, ms: number): void {
      context.clock.now_ms += ms
      world.pass?.(ms)
    }
    function laterContext(context: TestContext): TestContext {
      const later = testContext()
      later.clock.now_ms = context.clock.now_ms
      return later
    }
  })
}
