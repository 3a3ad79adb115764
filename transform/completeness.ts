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

const coverageQuery = `
SELECT source_id, entity,
  toUnixTimestamp64Milli(max(covered_to)) AS covered_to_ms,
  intervalLengthSumIf(
    greatest(toUnixTimestamp64Milli(covered_from), {from_ms:Int64}),
    least(toUnixTimestamp64Milli(covered_to), {to_ms:Int64}),
    toUnixTimestamp64Milli(covered_from) < {to_ms:Int64} AND toUnixTimestamp64Milli(covered_to) > {from_ms:Int64} AND covered_from < covered_to
  ) AS covered_ms
FROM published_coverage FINAL
WHERE tenant_id = {tenant_id:String} AND entity IN {entities:Array(String)}
GROUP BY source_id, entity`

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
): Promise<Completeness> {
  const { from_ms, to_ms } = asked.range
  const entities = [...new Set(asked.facts.flatMap((fact) => facts[fact].entities as readonly string[]))]
  const result = await warehouse.query({
    query: coverageQuery,
    format: 'JSONEachRow',
    query_params: { tenant_id: asked.tenant_id, entities, from_ms, to_ms },
  })
  const rows = await result.json<{ source_id: string; entity: string; covered_to_ms: string | number; covered_ms: string | number }>()
  const pairs = rows
    .map((row) => ({ ...row, covered_to_ms: Number(row.covered_to_ms), covered_ms: Number(row.covered_ms) }))
    .filter((row) => sourceAllowed(row.source_id, asked.filters))
  return judgeCompleteness(pairs, asked.facts, to_ms - from_ms)
}
