/**
 * A lint rule that holds the house's plan: which folder may import which, and
 * in which one file each heavy package may be loaded. It sees static, dynamic
 * and type-only imports, and re-exports.
 */
import { dirname, relative, resolve, sep } from 'node:path'

/**
 * What the files of a folder may import beside their own folder and the root's
 * leaves. `records` is ingest/records: the words that all parts speak.
 */
const folders = {
  ingest: { may: ['sql', 'records'] },
  sql: { may: [], types: ['records'] },
  transform: { may: ['sql', 'records'] },
  api: { may: ['transform', 'sql', 'records'] },
  fixtures: { may: ['records'] },
  // The record types import nothing of ours.
  records: { may: [] },
}

/** Root files that join nothing: everybody may import them. The other root files join the folders and may import all of them. */
const leaves = ['errors.ts', 'config.ts', 'log.ts', 'progress.ts', 'package.json']

/** The fixtures belong to tests, benchmarks and the demo; nobody else's code runs on a pretend company. */
const fixtureUsers = /^(app|cli|demo[a-z-]*|vitest\.config)\.ts$/

/** Packages that are large or compiled: one file loads each, lazily, so that everything else works without it. Their types cost nothing. */
const heavy = {
  chdb: 'sql/embedded-engine.ts',
  'node-rdkafka': 'ingest/kafka-client.ts',
  '@electric-sql/pglite': 'sql/pglite-dialect.ts',
  'danfojs-node': 'transform/frame.ts',
}

/** Tests, what only tests use (`test-world.ts`, `x-test-server.ts`, `x.suite.ts`, simulation/), and benchmarks may import anything. */
const isTest = (path) => /\.(test|suite|bench)\.ts$|(^|[/-])test-[a-z-]+\.ts$/.test(path) || /^(benchmarks|simulation)\//.test(path)

function placeOf(path) {
  if (path.startsWith('ingest/records/')) return 'records'
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : 'root'
}

/** Why `from` may not import `to`, both relative to the repository; undefined where it may. */
function objection(from, to, typesOnly) {
  const [here, there] = [placeOf(from), placeOf(to)]
  if (here === there || isTest(from)) return undefined
  if (there === 'root') {
    if (leaves.includes(to) || here === 'docs' || here === 'examples') return undefined
    return `Only cli.ts and app.ts join the folders: ${here}/ does not import ${to}.`
  }
  if (there === 'benchmarks' || there === 'simulation') return `Nothing imports ${there}/.`
  if (here === 'root')
    return there === 'fixtures' && !fixtureUsers.test(from) ? 'Only tests, benchmarks, app.ts, cli.ts and demo*.ts import fixtures/.' : undefined
  const rules = folders[here]
  if (!rules || rules.may.includes(there) || (typesOnly && rules.types?.includes(there))) return undefined
  const allowed = [...rules.may.map((name) => (name === 'records' ? 'ingest/records/' : `${name}/`)), 'the root’s leaves']
  if (rules.types) allowed.push(...rules.types.map((name) => `${name === 'records' ? 'ingest/records/' : `${name}/`} (types only)`))
  return `${here}/ imports only ${allowed.join(', ')}; not ${to}.`
}

function packageObjection(from, specifier, { typesOnly, lazy }) {
  for (const [name, home] of Object.entries(heavy)) {
    if (specifier !== name && !specifier.startsWith(`${name}/`)) continue
    if (typesOnly || isTest(from)) return undefined
    if (from !== home) return `Only ${home} imports ${name}, so that everything else works without it.`
    if (!lazy) return `Load ${name} with import() when it is needed; a start without it must work.`
  }
  return undefined
}

export const importDirections = {
  meta: { type: 'problem', schema: [], messages: { no: '{{reason}}' } },
  create(context) {
    const from = relative(context.cwd, context.filename).split(sep).join('/')
    const look = (node, source, { typesOnly = false, lazy = false } = {}) => {
      if (typeof source?.value !== 'string') return
      const specifier = source.value
      const isPath = specifier.startsWith('.')
      const to = isPath
        ? relative(context.cwd, resolve(dirname(context.filename), specifier))
            .split(sep)
            .join('/')
        : undefined
      const reason = to === undefined ? packageObjection(from, specifier, { typesOnly, lazy }) : objection(from, to, typesOnly)
      if (reason !== undefined) context.report({ node, messageId: 'no', data: { reason } })
    }
    const onlyTypes = (node, kind, list) => node[kind] === 'type' || (list.length > 0 && list.every((one) => one[kind] === 'type'))
    return {
      ImportDeclaration: (node) => look(node, node.source, { typesOnly: onlyTypes(node, 'importKind', node.specifiers) }),
      ExportNamedDeclaration: (node) => look(node, node.source, { typesOnly: onlyTypes(node, 'exportKind', node.specifiers) }),
      ExportAllDeclaration: (node) => look(node, node.source, { typesOnly: node.exportKind === 'type' }),
      ImportExpression: (node) => look(node, node.source, { lazy: true }),
      TSImportType: (node) => look(node, node.source ?? node.argument?.literal, { typesOnly: true }),
    }
  },
}
