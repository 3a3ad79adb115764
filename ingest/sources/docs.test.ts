/** docs/sources.md is what the definitions say, and docs/add-a-source.md works as it stands. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { conforms, type ConformanceCase } from './conformance.suite.ts'
import type { SourceDefinition } from './definition.ts'
import { docsPath, renderSourcesDocs } from './render-docs.ts'

test('docs/sources.md is current (update it with: npx tsx ingest/sources/render-docs.ts --write)', () => {
  expect(readFileSync(docsPath, 'utf8')).toBe(renderSourcesDocs())
})

const page = readFileSync(join(dirname(docsPath), 'add-a-source.md'), 'utf8')
const blocks = new Map([...page.matchAll(/```ts\n\/\/ (ingest\/sources\/\S+)\n([^]*?)```/g)].map(([, path = '', code = '']) => [path, code]))
/** Beside the other sources, so that its imports are those of a source; in no list of ours. */
const folder = join(import.meta.dirname, `call-lines-of-the-docs-${process.pid}`)
const written = ['definition.ts', 'test-case.ts']

mkdirSync(folder)
afterAll(() => rmSync(folder, { recursive: true, force: true }))
for (const file of written) writeFileSync(join(folder, file), blocks.get(`ingest/sources/call-lines/${file}`) ?? '')
const { callLinesCase } = (await import(join(folder, 'test-case.ts'))) as { callLinesCase: ConformanceCase }

test('the page has every file it speaks of, and its source is shown as the others are', () => {
  expect([...blocks.keys()]).toEqual(['ingest/sources/call-lines/definition.ts', 'ingest/sources/index.ts', 'ingest/sources/call-lines/test-case.ts'])
  const definition: SourceDefinition = callLinesCase.definition
  expect(renderSourcesDocs([definition])).toContain('| `path` | yes | the file |')
})

conforms(callLinesCase)
