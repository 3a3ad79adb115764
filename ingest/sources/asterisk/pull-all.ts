/** For tests: runs passes of a source as the runner does, with checkpoints that are JSON, and folds what comes out as the warehouse would. */
import { isDeepStrictEqual } from 'node:util'
import type { CanonicalRecord, EntityName } from '../../records/index.ts'
import type { Batch, PullContext, Source } from '../../source.ts'

export interface TestRun {
  checkpoints: Map<string, string>
  warnings: string[]
  batches: Batch[]
}

export function newRun(): TestRun {
  return { checkpoints: new Map(), warnings: [], batches: [] }
}

/** One pass; the batches are added to the run and returned. */
export async function pullAll(source: Source, run: TestRun = newRun()): Promise<Batch[]> {
  const pulled: Batch[] = []
  const quiet = (): void => undefined
  const context: PullContext = {
    tenant_id: 'tenant',
    source_id: 'pbx',
    checkpoint: (stream) => Promise.resolve(run.checkpoints.has(stream) ? JSON.parse(run.checkpoints.get(stream) ?? '') : undefined),
    now: () => 0,
    sleep: () => Promise.resolve(),
    fetch: () => Promise.reject(new Error('a file source fetches nothing')),
    signal: new AbortController().signal,
    log: { debug: quiet, info: quiet, error: quiet, warn: (_details, message) => run.warnings.push(message) },
  }
  for await (const batch of source.pull(context)) {
    pulled.push(JSON.parse(JSON.stringify(batch)) as Batch)
    run.checkpoints.set(batch.stream, JSON.stringify(batch.checkpoint))
  }
  run.batches.push(...pulled)
  return pulled
}

type RecordOfEntity<N extends EntityName> = Extract<CanonicalRecord, { entity: N }>['record']

/** The highest version of every record, by entity and native id; throws when two versions have different anchors, or two records of one version differ. */
export function fold(batches: readonly Batch[]): Map<string, CanonicalRecord> {
  const newest = new Map<string, CanonicalRecord>()
  for (const item of batches.flatMap((batch) => batch.records)) {
    const key = `${item.entity} ${item.record.native_id}`
    const known = newest.get(key)
    if (known !== undefined && known.record.anchor_at !== item.record.anchor_at) throw new Error(`two anchors for one ${item.entity}`)
    if (known?.record.version === item.record.version && !isDeepStrictEqual(known, item))
      throw new Error(`one version of one ${item.entity} with two contents`)
    if (known === undefined || item.record.version > known.record.version) newest.set(key, item)
  }
  return new Map([...newest].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The folded records of one entity. */
export function recordsOf<N extends EntityName>(batches: readonly Batch[], entity: N): RecordOfEntity<N>[] {
  return [...fold(batches).values()].filter((item) => item.entity === entity).map((item) => item.record as RecordOfEntity<N>)
}
