/** Which unfinished batches of the ledger can be cut again as they were: those whose partitions are all here and whole. */
import type { Extent, LedgerEntry } from './kafka-ledger.ts'

export interface Recovery {
  observed_at: string
  /** Where each partition's part of the batch ends (the offset after it), and what its last message was. */
  ends: Map<string, { next: number; fingerprint: number }>
}

/** @param assigned the partitions of this member: what the ledger knows of them, and what they hold now */
export function recoverable(assigned: ReadonlyMap<string, { entry: LedgerEntry; extent: Extent }>): Recovery[] {
  const recoveries = new Map<string, Recovery & { partitions: number }>()
  for (const [key, { entry, extent }] of assigned) {
    const { pending } = entry
    if (!pending || extent.low > entry.next || extent.high < pending.next) continue
    const found = recoveries.get(pending.batch) ?? { observed_at: pending.observed_at, partitions: pending.partitions, ends: new Map() }
    found.ends.set(key, { next: pending.next, fingerprint: pending.fingerprint })
    recoveries.set(pending.batch, found)
  }
  return [...recoveries.values()].filter(({ partitions, ends }) => ends.size === partitions).map(({ observed_at, ends }) => ({ observed_at, ends }))
}
