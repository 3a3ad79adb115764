/** What a member makes of its messages, whatever order the partitions come in and wherever the one before it died. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fingerprint, KafkaBatch } from './kafka-batch.ts'
import { KafkaIntake, type AssignedPartition } from './kafka-intake.ts'
import { positionsOf, type LedgerEntry } from './kafka-ledger.ts'
import type { RawMessage } from './kafka-messages.ts'

const origin = { tenant_id: 't', source_id: 's', observed_at: '2026-11-23 00:00:00.000' }
const LATER = '2026-11-23 00:00:09.000'
const LENGTH = 12
const valueOf = (partition: number, offset: number): Buffer => Buffer.from(`${partition}:${offset}`)
const message = (partition: number, offset: number, value = valueOf(partition, offset)): RawMessage => ({ topic: 'cdr', partition, offset, value })

/** An intake, and every message its batches were given. */
function open(): { intake: KafkaIntake; read: string[] } {
  const read: string[] = []
  const intake = new KafkaIntake(
    (observed_at = LATER) => new KafkaBatch({ ...origin, observed_at }, ({ partition, offset }) => void read.push(`${partition}:${offset}`)),
  )
  return { intake, read }
}

function assigned(entries: Map<string, LedgerEntry>, extent = { low: 0, high: LENGTH }): Map<string, AssignedPartition> {
  return new Map([...entries].map(([key, entry]) => [key, { entry, extent }]))
}

/** What the claim of a batch leaves in the ledger. */
function claimed(batch: KafkaBatch, ledger: Map<string, LedgerEntry>): Map<string, LedgerEntry> {
  const positions = positionsOf(batch)
  const entries = new Map(ledger)
  for (const { stream, from, next, fingerprint } of positions) {
    const key = stream.slice('kafka/'.length)
    entries.set(key, {
      ...ledger.get(key),
      next: from,
      pending: { next, fingerprint, batch: 'b1', observed_at: batch.observed_at, partitions: positions.length },
    })
  }
  return entries
}

/** Partitions take turns as the numbers say; of each, the messages that are wanted come in order. */
function deliver(intake: KafkaIntake, at: Map<number, number>, turns: readonly number[], isDone: () => boolean): void {
  for (let turn = 0; !isDone(); turn++) {
    if (turn > 1_000) throw new Error('it never gets what it waits for')
    const partition = turns[turn % turns.length]!
    const offset = at.get(partition)!
    if (offset >= LENGTH || !intake.wants(`cdr/${partition}`)) continue
    // What was fetched before the pause comes all the same: two at a time.
    intake.receive([message(partition, offset), ...(offset + 1 < LENGTH ? [message(partition, offset + 1)] : [])])
    at.set(partition, Math.min(LENGTH, offset + 2))
  }
}

const turns = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 6, maxLength: 30 }).map((list) => [...list, 0, 1, 2])

test('a batch that a crash left unfinished is cut again as it was, and nothing is lost or read twice', () => {
  fc.assert(
    fc.property(turns, turns, fc.integer({ min: 1, max: 25 }), (first_turns, second_turns, size) => {
      const first = open()
      const ledger = new Map([0, 1, 2].map((partition) => [`cdr/${partition}`, { next: 0 }]))
      first.intake.assign(assigned(ledger))
      const at = new Map([0, 1, 2].map((partition) => [partition, 0]))
      deliver(first.intake, at, first_turns, () => first.read.length >= size)
      const lost = first.intake.cut()
      expect(lost.is_repeated).toBe(false)
      const ranges = (batch: KafkaBatch): unknown => positionsOf(batch).sort((a, b) => (a.stream < b.stream ? -1 : 1))

      const second = open()
      second.intake.assign(assigned(claimed(lost.batch, ledger)))
      const again = new Map([0, 1, 2].map((partition) => [partition, 0]))
      deliver(second.intake, again, second_turns, () => second.intake.isReady)
      const same = second.intake.cut()
      expect(same.is_repeated).toBe(true)
      expect(same.batch.observed_at).toBe(lost.batch.observed_at)
      expect(ranges(same.batch)).toEqual(ranges(lost.batch))
      expect(same.batch.inputs).toBe(lost.batch.inputs)
      // Then everything else, once, each partition in its order.
      deliver(second.intake, again, [0, 1, 2], () => [...again.values()].every((offset) => offset === LENGTH))
      second.intake.cut()
      const read = second.read.map((name) => name.split(':').map(Number) as [number, number])
      for (const partition of [0, 1, 2])
        expect(read.filter(([of]) => of === partition).map(([, offset]) => offset)).toEqual(Array.from({ length: LENGTH }, (_, n) => n))
    }),
    { numRuns: 300 },
  )
})

test('where a partition of the batch is elsewhere, gone in part, or other than it was, it is read as any other', () => {
  const pending = (partition: number, partitions: number, value = valueOf(partition, 4)): LedgerEntry => ({
    next: 2,
    pending: { next: 5, fingerprint: fingerprint(value), batch: 'b1', observed_at: origin.observed_at, partitions },
  })
  const cutAfter = (entries: Map<string, LedgerEntry>, extent?: { low: number; high: number }): boolean => {
    const { intake } = open()
    intake.assign(assigned(entries, extent))
    for (const key of entries.keys()) intake.receive([2, 3, 4, 5].map((offset) => message(Number(key.slice(4)), offset)))
    expect(intake.isReady).toBe(true)
    return intake.cut().is_repeated
  }
  expect(cutAfter(new Map([['cdr/0', pending(0, 1)]]))).toBe(true)
  expect(cutAfter(new Map([['cdr/0', pending(0, 2)]]))).toBe(false)
  expect(cutAfter(new Map([['cdr/0', pending(0, 1)]]), { low: 3, high: LENGTH })).toBe(false)
  expect(cutAfter(new Map([['cdr/0', pending(0, 1)]]), { low: 0, high: 4 })).toBe(false)
  expect(cutAfter(new Map([['cdr/0', pending(0, 1, Buffer.from('another'))]]))).toBe(false)
})

test('a topic made anew is told by the message before the next one, and read on otherwise', () => {
  const entry: LedgerEntry = { next: 5, fingerprint: fingerprint(valueOf(0, 4)) }
  const given = assigned(new Map([['cdr/0', entry]]))
  expect(KafkaIntake.startOf(given.get('cdr/0')!)).toBe(4)
  expect(KafkaIntake.startOf({ entry, extent: { low: 5, high: LENGTH } })).toBe(5)
  expect(KafkaIntake.startOf({ entry: { next: 5 }, extent: { low: 0, high: LENGTH } })).toBe(5)

  const same = open()
  same.intake.assign(given)
  same.intake.receive([message(0, 4), message(0, 5)])
  expect(same.read).toEqual(['0:5'])

  const other = open()
  other.intake.assign(given)
  expect(() => other.intake.receive([message(0, 4, Buffer.from('another'))])).toThrow(
    expect.objectContaining({ code: 'checkpoint_invalid', message: expect.stringContaining('made anew') }),
  )
  expect(() => other.intake.receive([message(0, 0)])).toThrow(expect.objectContaining({ code: 'checkpoint_invalid' }))
  expect(other.read).toEqual([])
})
