/** `callhouse backfill`: load a directory of files once, and say what was in it. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { openSource, pullOnce, refreshToNow, type Stores } from './app.ts'
import { normalizeConfig, type SourceSettings } from './config.ts'
import { CallhouseError } from './errors.ts'
import { count, startProgress } from './progress.ts'
import type { Output, StoresVerb } from './verb.ts'

export interface BackfillOptions {
  source: string
  path: string
  tenant: string
  tz: string
  id?: string
  /** What a files source needs beside its path. */
  files?: Record<string, unknown>
}

/** Loads, refreshes the facts and prints a summary; loading the same files again changes nothing. */
export const backfill: StoresVerb<BackfillOptions> = {
  opens: 'stores',
  check(options) {
    if (!existsSync(options.path))
      throw new CallhouseError('bad_request', `There is nothing at ${options.path}. Give --path the directory that holds the files.`)
    settingsOf(options)
  },
  async run({ stores, log, signal, output }, options) {
    const settings = settingsOf(options)
    const open = await openSource(stores, settings)
    const progress = startProgress('Loading', { isTTY: output.is_tty, write: (text) => output.out(text) })
    const started_ms = performance.now()
    let done = 0
    const totals = await pullOnce(stores, open, log, signal, (batch) => {
      done += batch.inputs
      progress.update(batch.progress?.done ?? done, batch.progress?.total ?? done, batch.stream)
    })
    await refreshToNow(stores)
    progress.end(
      `${count(totals.inputs)} lines read in ${((performance.now() - started_ms) / 1000).toFixed(1)} s: ${count(totals.accepted)} accepted, ${count(totals.rejected)} kept as dead letters.`,
    )
    await printQueues(stores, settings, output)
    output.out(`\nServe it:  npx callhouse up\nA key:     npx callhouse keys create --tenant ${settings.tenant}\n`)
    return 0
  },
}

/** Through the config's own checks, so that a bad zone or tenant reads the same here. */
export function settingsOf(options: BackfillOptions): SourceSettings {
  const source = {
    id: options.id ?? options.source,
    tenant: options.tenant,
    kind: options.source,
    time_zone: options.tz,
    path: resolve(options.path),
    ...options.files,
  }
  if (options.source !== 'asterisk' && !options.files)
    throw new CallhouseError(
      'bad_request',
      `--source ${options.source} cannot be loaded from files; use asterisk, or \`callhouse import\` for CSV and NDJSON.`,
    )
  const [settings] = normalizeConfig({ sources: [source] }, {}, 'The command').sources
  return { ...settings!, options: { ...settings!.options, follow: false } }
}

async function printQueues(stores: Stores, settings: SourceSettings, output: Output): Promise<void> {
  const result = await stores.warehouse.query({
    query: `SELECT queue_id, sum(fact.offered) AS offered, sum(fact.answered) AS answered, sum(fact.abandoned) AS abandoned, sum(fact.timed_out) AS timed_out
      FROM fact_queues AS fact WHERE tenant_id = {tenant_id:String} AND source_id = {source_id:String} GROUP BY queue_id ORDER BY queue_id`,
    query_params: { tenant_id: settings.tenant, source_id: settings.id },
    format: 'JSONEachRow',
  })
  const rows = await result.json<Record<'queue_id' | 'offered' | 'answered' | 'abandoned' | 'timed_out', string | number>>()
  if (rows.length === 0) return
  const line = (cells: (string | number)[]): string =>
    cells.map((cell, at) => (at === 0 ? String(cell).padEnd(20) : String(cell).padStart(10))).join('')
  output.out(`\n${line(['queue', 'offered', 'answered', 'abandoned', 'timed out'])}\n`)
  for (const row of rows) output.out(`${line([row.queue_id, row.offered, row.answered, row.abandoned, row.timed_out])}\n`)
}
