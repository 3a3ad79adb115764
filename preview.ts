/**
 * What a source would give, without storing any of it: the first records as a
 * table, and every reason for which an input would be refused. `callhouse
 * import --dry-run` and `callhouse sources add` show it.
 */
import type { SourceSettings } from './config.ts'
import { encodeRecord } from './ingest/encode-record.ts'
import type { Envelope } from './ingest/records/entity.ts'
import { FieldError } from './ingest/records/field.ts'
import { entities, type CanonicalRecord, type EntityName } from './ingest/records/index.ts'
import { RowBuffer } from './ingest/row-buffer.ts'
import { realSleep } from './ingest/run-source.ts'
import type { Log, PullContext, Source } from './ingest/source.ts'
import { count } from './progress.ts'

export interface Preview {
  inputs: number
  records: number
  rejected: number
  /** The first of each entity. */
  samples: Map<EntityName, Record<string, unknown>[]>
  /** How often, and where first, by code and reason. */
  reasons: Map<string, { count: number; position: string }>
}

export interface PreviewOptions {
  /** Of each entity. @default 5 */
  samples?: number
  /** Stops at the first batch that has records, and else after so many batches. @default reads all */
  until_records?: { batches: number }
}

/** A context without a past, whose checkpoints go nowhere. */
export function previewContext({ tenant, id }: SourceSettings, log: Log, signal: AbortSignal): PullContext {
  return { tenant_id: tenant, source_id: id, checkpoint: async () => undefined, now: Date.now, sleep: realSleep, fetch, signal, log }
}

/** Pulls and checks as a load would; nothing is stored. */
export async function previewSource(source: Source, context: PullContext, options: PreviewOptions = {}): Promise<Preview> {
  const preview: Preview = { inputs: 0, records: 0, rejected: 0, samples: new Map(), reasons: new Map() }
  const refuse = (reason: string, position: string): void => {
    preview.rejected += 1
    const known = preview.reasons.get(reason)
    if (known) known.count += 1
    else preview.reasons.set(reason, { count: 1, position })
  }
  let batches = 0
  for await (const batch of source.pull(context)) {
    batches += 1
    preview.inputs += batch.inputs
    for (const { code, reason, position } of batch.rejects) refuse(`${code}: ${reason}`, position)
    for (const item of batch.records) {
      const wrong = whatIsWrong(item)
      if (wrong !== undefined) {
        refuse(`field_invalid: ${wrong}`, item.position ?? item.record.native_id)
        continue
      }
      preview.records += 1
      const samples = preview.samples.get(item.entity) ?? []
      if (samples.length < (options.samples ?? 5)) preview.samples.set(item.entity, [...samples, item.record as unknown as Record<string, unknown>])
    }
    if (options.until_records && (preview.records > 0 || batches >= options.until_records.batches)) break
  }
  return preview
}

/** The same check as the loader's. */
function whatIsWrong({ entity, record }: CanonicalRecord): string | undefined {
  try {
    encodeRecord(
      entities[entity],
      record as unknown as Envelope & Record<string, unknown>,
      { tenant_id: '', source_id: '', observed_at: '' },
      new RowBuffer(),
    )
    return undefined
  } catch (thrown) {
    if (thrown instanceof FieldError) return thrown.message
    throw thrown
  }
}

const LONGEST_CELL = 32
const unshown = new Set(['payload', 'is_deleted', 'version'])

/** A table per entity: fields downwards, records across, so that it fits a terminal however many fields there are. */
export function samplesTable({ samples }: Preview): string {
  return [...samples].map(([entity, records]) => `${entity}\n${fieldRows(entity, records)}`).join('\n')
}

function fieldRows(entity: EntityName, records: Record<string, unknown>[]): string {
  const fields = new Set(['native_id', 'anchor_at', ...Object.keys(entities[entity].fields)])
  const names = [...fields].filter((name) => !unshown.has(name) && records.some((record) => record[name] !== undefined && record[name] !== null))
  const cells = names.map((name) => [name, ...records.map((record) => cellOf(entity, name, record[name]))])
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  return cells.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd() + '\n').join('')
}

function cellOf(entity: EntityName, name: string, value: unknown): string {
  if (value === undefined || value === null) return '-'
  const fields: Readonly<Record<string, { column: string }>> = entities[entity].fields
  const is_time = name === 'anchor_at' || fields[name]?.column.includes('DateTime64')
  const plain = typeof value === 'string' ? value : JSON.stringify(value)
  const text = is_time && typeof value === 'number' ? new Date(value).toISOString() : plain
  // A file's control characters would be the terminal's orders.
  const shown = text.replace(/\p{C}/gu, '·')
  return shown.length > LONGEST_CELL ? `${shown.slice(0, LONGEST_CELL - 1)}…` : shown
}

/** Every reason with its count and first place, the most frequent first. */
export function reasonsList({ reasons }: Preview): string {
  const sorted = [...reasons].sort(([, a], [, b]) => b.count - a.count)
  return sorted.map(([reason, { count: n, position }]) => `  ${count(n).padStart(9)}  ${reason}  (first: ${position})\n`).join('')
}
