/** How far the records behind an answer reach: the coverage that sources declared and the facts have caught up with, joined up per source and entity. */
import type { Warehouse } from '../sql/warehouse.ts'
import { facts, type FactName } from './facts.ts'
import type { Filter } from './parse-filter.ts'

export interface Completeness {
  /** Everything up to this instant (ISO, UTC) is in, as far as every source has said; null when none has said anything. */
  readonly as_of: string | null
  /** Every source that covers these records has covered the whole range. */
  readonly complete: boolean
}

/** One source's word about one entity: how far it reaches, and how much of the asked range the union of its intervals covers. */
export interface CoveredPair {
  readonly source_id: string
  readonly entity: string
  readonly covered_to_ms: number
  readonly covered_ms: number
}

/** A stretch that a source has covered of an entity. */
export interface CoveredInterval {
  readonly source_id: string
  readonly entity: string
  readonly from_ms: number
  readonly to_ms: number
}

/** Everything a tenant's sources have covered. */
export type ReadCoverage = (warehouse: Warehouse, tenant_id: string) => Promise<readonly CoveredInterval[]>

/** Reads a tenant's coverage, every time anew. */
export const readCoverage: ReadCoverage = async (warehouse, tenant_id) => {
  const result = await warehouse.query({
    query: `SELECT source_id, entity, toUnixTimestamp64Milli(covered_from) AS from_ms, toUnixTimestamp64Milli(covered_to) AS to_ms
      FROM published_coverage FINAL WHERE tenant_id = {tenant_id:String}`,
    query_params: { tenant_id },
    format: 'JSONEachRow',
  })
  const rows = await result.json<{ source_id: string; entity: string; from_ms: string | number; to_ms: string | number }>()
  return rows.map((row) => ({ ...row, from_ms: Number(row.from_ms), to_ms: Number(row.to_ms) }))
}

/**
 * Reads a tenant's coverage at most once in `max_age_ms`. Coverage only grows,
 * so an older reading says less than is true, never more.
 */
export function cachedCoverage(max_age_ms: number, now: () => number): ReadCoverage {
  const kept = new Map<string, { read_at_ms: number; coverage: Promise<readonly CoveredInterval[]> }>()
  return (warehouse, tenant_id) => {
    const found = kept.get(tenant_id)
    if (found && now() - found.read_at_ms < max_age_ms) return found.coverage
    const coverage = readCoverage(warehouse, tenant_id)
    kept.set(tenant_id, { read_at_ms: now(), coverage })
    coverage.catch(() => kept.delete(tenant_id))
    return coverage
  }
}

/** Judges the pairs: the least reach is `as_of`; complete when every fact has a source and every pair covers the range. */
export function judgeCompleteness(pairs: readonly CoveredPair[], asked: readonly FactName[], range_ms: number): Completeness {
  if (pairs.length === 0) return { as_of: null, complete: false }
  const everyFactHasOne = asked.every((fact) => pairs.some((pair) => (facts[fact].entities as readonly string[]).includes(pair.entity)))
  const reach_ms = Math.min(...pairs.map((pair) => pair.covered_to_ms))
  return {
    // A source that has said what it will deliver, and delivered nothing yet, stands at 1970.
    as_of: reach_ms === 0 ? null : new Date(reach_ms).toISOString(),
    complete: everyFactHasOne && pairs.every((pair) => pair.covered_ms === range_ms),
  }
}

/** Whether the source filters leave rows of this source. */
function sourceAllowed(source_id: string, filters: readonly Filter[]): boolean {
  return filters.every((filter) => filter.dimension !== 'source' || filter.values.includes(source_id) !== filter.negated)
}

/** Reads how complete the facts are over [from_ms, to_ms); sources that the filters leave out do not count. */
export async function readCompleteness(
  warehouse: Warehouse,
  asked: { tenant_id: string; facts: readonly FactName[]; filters: readonly Filter[]; range: { from_ms: number; to_ms: number } },
  coverageOf: ReadCoverage = readCoverage,
): Promise<Completeness> {
  const { from_ms, to_ms } = asked.range
  const entities = new Set<string>(asked.facts.flatMap((fact) => facts[fact].entities as readonly string[]))
  const intervals = (await coverageOf(warehouse, asked.tenant_id)).filter(
    ({ entity, source_id }) => entities.has(entity) && sourceAllowed(source_id, asked.filters),
  )
  const pairs = new Map<string, CoveredInterval[]>()
  for (const interval of intervals) {
    const key = JSON.stringify([interval.source_id, interval.entity])
    pairs.set(key, [...(pairs.get(key) ?? []), interval])
  }
  return judgeCompleteness(
    [...pairs.values()].map((own) => coveredPair(own, from_ms, to_ms)),
    asked.facts,
    to_ms - from_ms,
  )
}

/** How far one source's intervals of one entity reach, and how much of the range their union covers. */
function coveredPair(intervals: readonly CoveredInterval[], from_ms: number, to_ms: number): CoveredPair {
  const { source_id, entity } = intervals[0]!
  let covered_ms = 0
  let reached_ms = from_ms
  for (const interval of [...intervals].sort((a, b) => a.from_ms - b.from_ms)) {
    const start = Math.max(interval.from_ms, reached_ms)
    const end = Math.min(interval.to_ms, to_ms)
    if (end <= start) continue
    covered_ms += end - start
    reached_ms = end
  }
  return { source_id, entity, covered_to_ms: Math.max(...intervals.map((interval) => interval.to_ms)), covered_ms }
}
