/**
 * Keeps the fact tables right: rebuilds exactly the days that marks touch and
 * publishes each day in one step. docs/architecture.md, "Transforming", says
 * why a crash, a repeat or a late record at any point leaves the facts exact.
 */
import type { Control } from '../sql/control.ts'
import { latestGeneration, nextGeneration } from '../sql/generations.ts'
import type { Warehouse } from '../sql/warehouse.ts'
import { buildGeneration } from './build-generation.ts'
import type { Model } from './load-models.ts'
import { publishCoverage, unpublishedCoverage } from './publish-coverage.ts'
import { readMarks, settleMarks, type Mark } from './marks.ts'
import { touchedDays } from './touched-days.ts'

export interface RefreshResult {
  /** Marks that were read; 0 means that nothing had changed. */
  marks: number
  /** Fact days rebuilt and published, over all tenants. */
  days: number
  generation: number
}

export interface RefreshOptions {
  /** Told after every part of the work, for a progress bar. */
  onProgress?: (done: number, total: number) => void
  /** Aborts when another process has taken over; nothing is published after that. */
  signal?: AbortSignal
  /** Called between steps; crash drills throw or exit here. */
  after?: (step: RefreshStep) => void | Promise<void>
}

export type RefreshStep = 'generation_taken' | 'marks_read' | 'built' | 'published' | 'settled'

/**
 * One refresh. The generation is taken before the marks are read, so that of two
 * refreshes the one that can have seen more wins. Marks that arrive meanwhile
 * are left for the next.
 *
 * The lease keeps refreshes apart, but a process that slept through the end of
 * its own may still publish. So marks are settled only if no later generation
 * was taken meanwhile: its facts may have been read before these marks' rows
 * came, and would hide ours. Whoever takes a later one after that look sees them.
 */
export async function refreshFacts(warehouse: Warehouse, control: Control, models: Model[], options: RefreshOptions = {}): Promise<RefreshResult> {
  const generation = await nextGeneration(control)
  await options.after?.('generation_taken')
  const coverage = await unpublishedCoverage(warehouse)
  const marks = await readMarks(warehouse)
  await options.after?.('marks_read')
  let days = 0
  for (const [tenant_id, own] of byTenant(marks)) days += await refreshTenant(warehouse, models, tenant_id, generation, own, options)
  if ((await latestGeneration(control)) === generation) {
    if (marks.length > 0) await settleMarks(warehouse, marks)
    await options.after?.('settled')
    await publishCoverage(warehouse, coverage)
  }
  return { marks: marks.length, days, generation }
}

async function refreshTenant(
  warehouse: Warehouse,
  models: Model[],
  tenant_id: string,
  generation: number,
  marks: Mark[],
  options: RefreshOptions,
): Promise<number> {
  const touched = await touchedDays(warehouse, tenant_id, marks)
  const work = models.map((model) => ({ model, days: [...new Set(model.from.flatMap((entity) => touched.get(entity) ?? []))].sort() }))
  const rebuilt = work.filter(({ days }) => days.length > 0)
  await buildGeneration(warehouse, { tenant_id, generation, work: rebuilt, onProgress: options.onProgress })
  await options.after?.('built')
  options.signal?.throwIfAborted()
  await publish(
    warehouse,
    rebuilt.flatMap(({ model, days }) => days.map((day) => ({ fact: model.fact, tenant_id, day, generation }))),
  )
  await options.after?.('published')
  return rebuilt.reduce((sum, { days }) => sum + days.length, 0)
}

/** One insert, one block: readers see all of a tenant's rebuilt days at once, emptied ones included. */
async function publish(warehouse: Warehouse, rows: { fact: string; tenant_id: string; day: string; generation: number }[]): Promise<void> {
  if (rows.length === 0) return
  const published_at = new Date().toISOString().replace('T', ' ').slice(0, 23)
  await warehouse.insert({ table: 'published_days', format: 'JSONEachRow', values: rows.map((row) => ({ ...row, published_at })) })
}

function byTenant(marks: Mark[]): Map<string, Mark[]> {
  const groups = new Map<string, Mark[]>()
  for (const mark of marks) {
    const group = groups.get(mark.tenant_id)
    if (group) group.push(mark)
    else groups.set(mark.tenant_id, [mark])
  }
  return groups
}
