/** `callhouse import`: files of rows and a mapping, loaded once; with --dry-run only shown. */
import { resolve } from 'node:path'
import type { BackfillOptions } from './backfill.ts'
import { settingsOf } from './backfill.ts'
import { createSource } from './ingest/sources/index.ts'
import type { Log } from './ingest/source.ts'
import { previewContext, previewSource, reasonsList, samplesTable } from './preview.ts'
import { count } from './progress.ts'
import type { Output } from './verb.ts'

export interface ImportOptions {
  path: string
  mapping: string
  tenant: string
  tz: string
  id?: string
  format?: string
  delimiter?: string
  columns?: string
  encoding?: string
}

/** As a backfill of a files source; paths are made absolute, for the process that does it may stand elsewhere. */
export function importOptions({ path, mapping, tenant, tz, id = 'files', columns, ...rest }: ImportOptions): BackfillOptions {
  const files = { ...rest, mapping: resolve(mapping), ...(columns !== undefined && { columns: columns.split(',') }) }
  return { source: 'files', path: resolve(path), tenant, tz, id, files }
}

/** Reads everything and stores nothing. Resolves to the exit code: 1 where an input would be refused. */
export async function dryRun(options: BackfillOptions, log: Log, signal: AbortSignal, output: Output): Promise<number> {
  const settings = settingsOf(options)
  const { id, tenant, kind, time_zone } = settings
  const source = createSource({ ...settings.options, id, tenant, kind, time_zone })
  const preview = await previewSource(source, previewContext(settings, log, signal))
  const table = samplesTable(preview)
  if (table !== '') output.out(`${table}\n`)
  output.out(`${count(preview.inputs)} rows read: ${count(preview.records)} records, ${count(preview.rejected)} refused. Nothing was stored.\n`)
  if (preview.rejected > 0) output.out(`\nRefused:\n${reasonsList(preview)}`)
  return preview.rejected > 0 ? 1 : 0
}
