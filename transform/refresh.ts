/**
 * Keeps the fact tables right: rebuilds exactly the days that marks touch and
 * publishes each day in one step. docs/architecture.md, "Transforming", says
 * why a crash, a repeat or a late record at any point leaves the facts exact.
 */
import type { FactStore, Generations, Mark, TenantDay } from './fact-store.ts'
import type { Model } from './load-models.ts'

/** What is refreshed, and with what. */
export interface Refresh {
  facts: FactStore
  generations: Generations
  models: readonly Model[]
}

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
 * A month at a time keeps the memory of a first build flat, whatever the history.
 * Tenants with less to do share a statement: for a day of each of 18 tenants,
 * one statement per fact costs a fifth of the CPU time of 18.
 */
const DAYS_PER_BUILD = 31

/** What has to be built of one model. */
interface Work {
  model: Model
  days: TenantDay[]
}

/**
 * One refresh. The generation is taken before the marks are read, so that of two
 * refreshes the one that can have seen more wins. Marks that arrive meanwhile
 * are left for the next.
 *
 * The lease keeps refreshes apart, but a process that slept through the end of
 * its own may still publish. So marks are settled only if no later generation
 * was taken meanwhile: its facts may have been read before these marks' rows
 * came, and would hide ours. Whoever takes a later one after that look sees them.
 *
 * Coverage says what the core tables hold; answers come from facts, which lag
 * behind by a refresh. So it is read before the marks (a source writes it after
 * them) and published once those marks are in the facts.
 */
export async function refreshFacts(refresh: Refresh, options: RefreshOptions = {}): Promise<RefreshResult> {
  const { facts, generations } = refresh
  const generation = await generations.next()
  await options.after?.('generation_taken')
  const coverage = await facts.unpublishedCoverage()
  const marks = await facts.unsettledMarks()
  await options.after?.('marks_read')
  const groups = await groupTenants(refresh, marks)
  const total = groups.reduce((sum, work) => sum + countDays(work), 0)
  let done = 0
  for (const work of groups) {
    await refreshDays(refresh, generation, work, { ...options, onBuilt: (days) => options.onProgress?.((done += days), total) })
  }
  if ((await generations.latest()) === generation) {
    if (marks.length > 0) await facts.settleMarks(marks)
    await options.after?.('settled')
    if (coverage.length > 0) await facts.publishCoverage(coverage)
  }
  return { marks: marks.length, days: total, generation }
}

/** Builds and publishes; whoever reads sees all of these days at once. */
async function refreshDays(
  { facts }: Refresh,
  generation: number,
  work: Work[],
  options: Pick<RefreshOptions, 'signal' | 'after'> & { onBuilt: (days: number) => void },
): Promise<void> {
  for (const { model, days } of work)
    for (let at = 0; at < days.length; at += DAYS_PER_BUILD) {
      const chunk = days.slice(at, at + DAYS_PER_BUILD)
      await facts.buildDays({ model, generation, days: chunk })
      options.onBuilt(chunk.length)
    }
  await options.after?.('built')
  options.signal?.throwIfAborted()
  const published = work.flatMap(({ model, days }) => days.map((day) => ({ fact: model.fact, ...day, generation })))
  if (published.length > 0) await facts.publishDays(published)
  await options.after?.('published')
}

/** The work that the marks make, in parts that are published one by one: tenants with little to do together, others alone. */
async function groupTenants({ facts, models }: Refresh, marks: readonly Mark[]): Promise<Work[][]> {
  const touched = await touchedDays(facts, marks)
  const groups: Work[][] = []
  let room = 0
  for (const tenant_id of new Set(marks.map((mark) => mark.tenant_id))) {
    const days = models.map(({ from }) => [...new Set(from.flatMap((entity) => touched.get(keyOf({ tenant_id, entity })) ?? []))].sort())
    const most = Math.max(...days.map((list) => list.length))
    if (groups.length === 0 || most > room) {
      groups.push(models.map((model) => ({ model, days: [] })))
      room = DAYS_PER_BUILD
    }
    room -= most
    for (const [n, work] of groups.at(-1)!.entries()) work.days.push(...days[n]!.map((day) => ({ tenant_id, day })))
  }
  return groups
}

/** Every day that the marked records have ever counted on, by tenant and entity: a record's old day is rebuilt as well as its new one. */
async function touchedDays(facts: FactStore, marks: readonly Mark[]): Promise<Map<string, string[]>> {
  if (marks.length === 0) return new Map()
  const anchors = new Map(
    marks.map(({ tenant_id, entity, anchor_day }) => [`${keyOf({ tenant_id, entity })}/${anchor_day}`, { tenant_id, entity, anchor_day }]),
  )
  const touched = new Map<string, string[]>()
  for (const { day, ...of } of await facts.daysReached([...anchors.values()])) {
    const days = touched.get(keyOf(of))
    if (days) days.push(day)
    else touched.set(keyOf(of), [day])
  }
  return touched
}

/** Neither a tenant's id nor an entity's name has a slash in it. */
function keyOf({ tenant_id, entity }: { tenant_id: string; entity: string }): string {
  return `${tenant_id}/${entity}`
}

function countDays(work: readonly Work[]): number {
  return work.reduce((sum, { days }) => sum + days.length, 0)
}
