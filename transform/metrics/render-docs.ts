/** Writes docs/metrics.md from the catalogue: `tsx transform/metrics/render-docs.ts --write`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { dimensionNames, findDimension } from '../dimensions.ts'
import { facts, factNames, type FactName } from '../facts.ts'
import { hasDimension } from '../query-request.ts'
import { metrics, type Metric } from './index.ts'

export const docsPath = fileURLToPath(new URL('../../docs/metrics.md', import.meta.url))

const titles: Record<FactName, string> = {
  fact_queues: 'Queues',
  fact_agents: 'Agents',
  fact_calls: 'Calls',
  fact_messages: 'Messages',
  fact_numbers: 'Numbers and trunks',
  fact_usage: 'Usage',
}

const preamble = `# Metrics

Every metric that \`/v1/query\` and the reports know. This page is generated from \`transform/metrics/\`; change it there.

- A ratio or an average is null, never 0 or 1, where its denominator is 0. Counts and sums are 0.
- \`threshold_ms\` (default 20000) is the T of the service levels; \`short_abandon_ms\` (default 5000) says which abandons are short. Both are
  parameters of the question: every single wait is kept, so nothing is rebuilt when they change.
- A_T: answered with a wait of at most T. B_T: abandoned with a wait of at most T.
- "Counted at" is the moment that decides which bucket something falls into. Metrics of different moments can disagree in one bucket: a call
  offered at 7:28 and answered at 7:32 is offered in one half-hour and handled in the next.
- A metric that "comes by" a dimension is always split by it, unless a filter leaves one value: its amounts do not add up across it.
- Percentiles are exact: the sorted values at index ⌊p × n⌋, counted from 0.

<!-- prettier-ignore-start -->
`

function row(metric: Metric): string {
  const notes = [
    metric.meaning,
    metric.variant ? `Variant: ${metric.variant.replace(/\.$/, '')}.` : '',
    metric.implies ? `Comes by ${metric.implies.join(', ')}.` : '',
  ]
  const cells = [`\`${metric.name}\``, metric.unit, notes.filter(Boolean).join(' '), metric.formula, metric.attribution, metric.source]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function section(fact: FactName): string {
  const own = metrics.filter((metric) => metric.fact === fact)
  const shared = dimensionNames.filter((name) => findDimension(name).columns[fact])
  const lacking = shared.flatMap((name) => {
    const without = own.filter((metric) => !hasDimension(metric, name)).map((metric) => `\`${metric.name}\``)
    return without.length > 0 ? [` Not by ${name}: ${without.join(', ')}.`] : []
  })
  return [
    `## ${titles[fact]}`,
    '',
    `Dimensions: ${shared.join(', ')}.${lacking.join('')} Table: \`${fact}\`, ${facts[fact].daily ? 'per calendar day' : 'per 15 minutes'}.`,
    '',
    '| Metric | Unit | Meaning | Formula | Counted at | Definition of |',
    '|---|---|---|---|---|---|',
    ...own.map(row),
    '',
  ].join('\n')
}

function dimensionSection(): string {
  const rows = dimensionNames.map((name) => {
    const dimension = findDimension(name)
    const has = factNames.filter((fact) => dimension.columns[fact]).map((fact) => titles[fact])
    return `| \`${name}\` | ${dimension.meaning} | ${has.join(', ')} | ${dimension.names ? `\`${dimension.names.column}\`` : ''} |`
  })
  return ['## Dimensions', '', '| Dimension | Meaning | Of | Adds the column |', '|---|---|---|---|', ...rows, ''].join('\n')
}

/** The text of docs/metrics.md. */
export function renderMetricsDocs(): string {
  return [preamble, ...(Object.keys(titles) as FactName[]).map(section), dimensionSection(), '<!-- prettier-ignore-end -->\n'].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = renderMetricsDocs()
  if (process.argv.includes('--write')) writeFileSync(docsPath, text)
  else if (readFileSync(docsPath, 'utf8') !== text) process.exitCode = 1
}
