/** For tests: does with a source's batches what the runner and the warehouse do. */
import { expect } from 'vitest'
import type { Batch, Reject, Source } from '../../source.ts'
import type { TestContext } from '../../test-context.ts'

export interface Loaded {
  records: Map<string, Batch['records'][number]>
  rejects: Map<string, Reject>
  inputs: number
  batches: Batch[]
}

export const nothing = (): Loaded => ({ records: new Map(), rejects: new Map(), inputs: 0, batches: [] })

/** One pass. After `crash_after` batches it ends as a crash would: what was loaded is loaded, the last checkpoint is not saved. */
export async function pullInto(loaded: Loaded, source: Source, context: TestContext, crash_after = Infinity): Promise<Loaded> {
  let n = 0
  for await (const batch of source.pull(context)) {
    // Accepted + rejected = inputs: an input has one reject at most.
    expect(new Set(batch.rejects.map(({ position }) => position)).size).toBe(batch.rejects.length)
    expect(batch.rejects.length).toBeLessThanOrEqual(batch.inputs)
    for (const item of batch.records) {
      const key = `${item.entity}/${item.record.native_id}`
      if (item.record.version >= (loaded.records.get(key)?.record.version ?? 0)) loaded.records.set(key, item)
    }
    for (const reject of batch.rejects) loaded.rejects.set(reject.position, reject)
    loaded.inputs += batch.inputs
    loaded.batches.push(batch)
    n += 1
    if (n >= crash_after) return loaded
    context.saved.set(batch.stream, structuredClone(batch.checkpoint))
  }
  return loaded
}

/** What is loaded under `entity/id`; its fields. */
export function fieldsOf({ records }: Loaded, key: string): Record<string, unknown> {
  const found = records.get(key)
  expect(found, `${key} of ${[...records.keys()].join(' ')}`).toBeDefined()
  return found!.record as unknown as Record<string, unknown>
}
