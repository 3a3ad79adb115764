import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { dimensionNames, findDimension } from '../dimensions.ts'
import { facts } from '../facts.ts'
import { metrics } from './index.ts'
import { docsPath, renderMetricsDocs } from './render-docs.ts'

/** Columns of a table, as its migration declares them. */
function columnsOf(table: string, file: string): string[] {
  const sql = readFileSync(new URL(`../../sql/warehouse/${file}_${table}.sql`, import.meta.url), 'utf8')
  return [...sql.matchAll(/^ {2}(\w+) +\S/gm)].map((match) => match[1]!)
}
const files = {
  fact_calls: '0029',
  fact_queues: '0030',
  fact_agents: '0031',
  fact_messages: '0032',
  fact_numbers: '0033',
  fact_usage: '0034',
} as const

describe('the catalogue', () => {
  it('has no name twice, nor a name of a dimension', () => {
    const names = [
      ...metrics.map((metric) => metric.name),
      'time',
      ...dimensionNames,
      ...dimensionNames.flatMap((name) => findDimension(name).names?.column ?? []),
    ]
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
    for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9_]*$/)
  })

  it('says everything about every metric, in one sentence', () => {
    for (const metric of metrics) {
      expect(metric.meaning, metric.name).toMatch(/^[A-Z][^]*\.$/)
      for (const text of [metric.label, metric.formula, metric.attribution, metric.source]) expect(text, metric.name).not.toBe('')
    }
  })

  it('names only columns its facts have', () => {
    for (const name of dimensionNames) {
      for (const [fact, column] of Object.entries(findDimension(name).columns)) {
        expect(columnsOf(facts[fact as 'fact_calls'].table, files[fact as 'fact_calls'])).toContain(column)
      }
    }
  })

  it('is what docs/metrics.md says (update it with: tsx transform/metrics/render-docs.ts --write)', () => {
    expect(readFileSync(docsPath, 'utf8')).toBe(renderMetricsDocs())
  })
})
