import { join } from 'node:path'
import { Linter } from 'eslint'
import tseslint from 'typescript-eslint'
import { describe, expect, test } from 'vitest'
import { importDirections } from './eslint.imports.js'

const linter = new Linter({ cwd: import.meta.dirname })

/** What the rule says about one line of code in a file. */
function complaints(file: string, code: string): string[] {
  const config = {
    files: ['**/*.ts'],
    languageOptions: { parser: tseslint.parser },
    plugins: { callhouse: { rules: { 'import-directions': importDirections } } },
    rules: { 'callhouse/import-directions': 'error' },
  }
  return linter.verify(code, [config] as Linter.Config[], join(import.meta.dirname, file)).map(({ message }) => message)
}

describe('what is refused', () => {
  test.each([
    ['ingest/loader.ts', `import { x } from '../transform/run-query.ts'`],
    ['ingest/sources/a.ts', `import { x } from '../../api/server.ts'`],
    ['ingest/loader.ts', `import type { X } from '../transform/model.ts'`],
    ['ingest/loader.ts', `export { x } from '../transform/model.ts'`],
    ['ingest/loader.ts', `export * from '../transform/model.ts'`],
    ['ingest/loader.ts', `const x = await import('../transform/model.ts')`],
    ['ingest/loader.ts', `type X = import('../transform/model.ts').X`],
    ['ingest/loader.ts', `import { x } from '../fixtures/company.ts'`],
    ['ingest/loader.ts', `import { x } from '../app.ts'`],
    ['ingest/records/calls.ts', `import { x } from '../source.ts'`],
    ['transform/refresh.ts', `import { x } from '../ingest/source.ts'`],
    ['transform/refresh.ts', `import { x } from '../api/server.ts'`],
    ['sql/runs.ts', `import { x } from '../ingest/source.ts'`],
    ['sql/runs.ts', `import { x } from '../ingest/records/index.ts'`],
    ['api/server.ts', `import { x } from '../ingest/loader.ts'`],
    ['api/server.ts', `import { x } from '../benchmarks/run.ts'`],
    ['fixtures/company.ts', `import { x } from '../simulation/world.ts'`],
    ['fixtures/company.ts', `import { x } from '../sql/control.ts'`],
    ['serve.ts', `import { x } from './fixtures/company.ts'`],
    ['cli.ts', `import { x } from './benchmarks/run.ts'`],
    ['sql/control.ts', `import { PGlite } from '@electric-sql/pglite'`],
    ['ingest/loader.ts', `const x = await import('chdb/connection')`],
    ['ingest/kafka-source.ts', `import { Producer } from 'node-rdkafka'`],
    ['sql/pglite-dialect.ts', `import { PGlite } from '@electric-sql/pglite'`],
  ])('%s: %s', (file, code) => {
    expect(complaints(file, code)).toHaveLength(1)
  })
})

describe('what is allowed', () => {
  test.each([
    ['ingest/loader.ts', `import { x } from '../sql/runs.ts'`],
    ['ingest/loader.ts', `import { x } from '../errors.ts'`],
    ['ingest/loader.ts', `import { x } from './records/index.ts'`],
    ['transform/refresh.ts', `import { x } from '../sql/warehouse.ts'`],
    ['sql/insert-body.ts', `import type { X } from '../ingest/records/index.ts'`],
    ['api/server.ts', `import { x } from '../transform/run-query.ts'`],
    ['fixtures/company.ts', `import { x } from '../ingest/records/index.ts'`],
    ['ingest/loader.test.ts', `import { x } from '../fixtures/company.ts'`],
    ['benchmarks/run.ts', `import { x } from '../fixtures/company.ts'`],
    ['simulation/workers.ts', `import { x } from '../ingest/loader.ts'`],
    ['demo.ts', `import { x } from './fixtures/company.ts'`],
    ['app.ts', `import { x } from './api/server.ts'`],
    ['sql/pglite-dialect.ts', `import type { PGlite } from '@electric-sql/pglite'`],
    ['sql/pglite-dialect.ts', `const x = await import('@electric-sql/pglite')`],
    ['ingest/kafka-source.ts', `import type { Message } from 'node-rdkafka'`],
    ['api/test-world.ts', `import { x } from '../ingest/loader.ts'`],
    ['ingest/sources/pretend-test-server.ts', `import { x } from '../../fixtures/company.ts'`],
    ['sql/control.ts', `import { Kysely } from 'kysely'`],
  ])('%s: %s', (file, code) => {
    expect(complaints(file, code)).toEqual([])
  })
})
