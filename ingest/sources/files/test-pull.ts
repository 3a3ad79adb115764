/** For tests: passes of a files source over a folder, with checkpoints that are JSON. */
import { testContext } from '../../test-context.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import type { Reject } from '../../source.ts'
import { createFilesSource } from './files.ts'
import type { FilesOptions } from './options.ts'

export interface Pulled {
  inputs: number
  records: CanonicalRecord[]
  rejects: Reject[]
  batches: number
}

/** A source that remembers; each call of `pull` is a pass. `now_ms` far ahead means that nobody writes to the files any more. */
export function filesRun(options: FilesOptions): { pull(now_ms?: number): Promise<Pulled>; source: ReturnType<typeof createFilesSource> } {
  const source = createFilesSource(options)
  const context = testContext()
  return {
    source,
    async pull(now_ms = Date.UTC(2100, 0, 1)) {
      context.clock.now_ms = now_ms
      const pulled: Pulled = { inputs: 0, records: [], rejects: [], batches: 0 }
      for await (const batch of source.pull(context)) {
        pulled.inputs += batch.inputs
        pulled.records.push(...batch.records)
        pulled.rejects.push(...batch.rejects)
        pulled.batches += 1
        context.saved.set(batch.stream, JSON.parse(JSON.stringify(batch.checkpoint)))
      }
      return pulled
    },
  }
}
