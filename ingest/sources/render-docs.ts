/** Writes docs/sources.md from what every kind of source says of itself: `npx tsx ingest/sources/render-docs.ts --write`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { SourceDefinition } from './definition.ts'
import { sourceDefinitions } from './index.ts'

export const docsPath = fileURLToPath(new URL('../../docs/sources.md', import.meta.url))

const preamble = `# Sources

Every kind of source, as \`sources\` in \`callhouse.yaml\` takes it. This page is generated from the definitions in \`ingest/sources/\`; change it there.
Each source has an \`id\`, a \`tenant\`, a \`kind\`, and how often it is read: \`poll_ms\`, or \`cron\` with \`time_zone\`. Secrets stand in the environment, and in
the file as \`\${NAME}\`. What is pushed to a source is described in [ingest.md](ingest.md), and how to write another in [add-a-source.md](add-a-source.md).

<!-- prettier-ignore-start -->
`

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  `| ${head.join(' | ')} |`,
  `|${head.map(() => '---').join('|')}|`,
  ...rows.map((row) => `| ${row.map(cell).join(' | ')} |`),
]

function overview(definitions: readonly SourceDefinition[]): string {
  const rows = definitions.map(({ kind, spec }) => [`[\`${kind}\`](#${kind})`, spec.title, spec.auth, String(spec.entities.length)])
  return [...table(['Kind', 'System', 'Access', 'Entities'], rows), ''].join('\n')
}

function section({ kind, spec, options }: SourceDefinition): string {
  const facts = [
    ['Entities', spec.entities.map((entity) => `\`${entity}\``).join(', ')],
    ['Access', spec.auth],
    ['Changes are found by', spec.cursor],
    ['Read again', spec.look_back],
    ['Rate limits', spec.rate_limits],
    ['Comes late', spec.late_fields],
  ]
  const rows = Object.entries(options).map(([name, { about, is_required, is_secret }]) => [
    `\`${name}\``,
    is_required ? 'yes' : '',
    `${about}${is_secret ? ' (a secret)' : ''}`,
  ])
  const optionTable = rows.length > 0 ? ['', ...table(['Option', 'Required', 'Meaning'], rows)] : []
  return [`## \`${kind}\``, '', `${spec.title}.`, '', ...table(['What', 'How'], facts), ...optionTable, ''].join('\n')
}

/** The text of docs/sources.md. */
export function renderSourcesDocs(definitions: readonly SourceDefinition[] = sourceDefinitions): string {
  return [preamble, overview(definitions), ...definitions.map(section), '<!-- prettier-ignore-end -->\n'].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = renderSourcesDocs()
  if (process.argv.includes('--write')) writeFileSync(docsPath, text)
  else if (readFileSync(docsPath, 'utf8') !== text) process.exitCode = 1
}
