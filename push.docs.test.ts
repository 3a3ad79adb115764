/** docs/ingest.md as it stands: every command is run, and what it prints is what the page says. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStores, type Stores } from './app.ts'
import { normalizeConfig } from './config.ts'
import { openLog } from './log.ts'
import { listenApi, type RunningApi } from './serve-api.ts'
import { createKey } from './sql/api-keys.ts'
import { ensureTenant } from './sql/tenants.ts'

const data = mkdtempSync(join(tmpdir(), 'callhouse-docs-'))
const page = readFileSync(new URL('docs/ingest.md', import.meta.url), 'utf8')
/** A command, and the block after it. */
const examples = [...page.matchAll(/```sh\n([^]*?)```(?:(?!```)[^])*```(json|text)\n([^]*?)```/g)].map(([, command = '', kind = '', shown = '']) => ({
  command,
  kind,
  shown,
}))
let stores: Stores
let api: RunningApi
let key: string

beforeAll(async () => {
  const config = normalizeConfig({
    data,
    log_level: 'silent',
    api: { port: 0 },
    sources: [
      { id: 'switch', tenant: 'acme', kind: 'freeswitch' },
      { id: 'signed', tenant: 'acme', kind: 'freeswitch', token: 'the-token' },
    ],
  })
  stores = await openStores(config)
  api = await listenApi(stores, config, openLog('silent'))
  await ensureTenant(stores.control, 'acme')
  key = (await createKey(stores.control, { tenant_id: 'acme', name: 'docs', scopes: ['ingest'] })).key
}, 60_000)
afterAll(async () => {
  await api.close()
  await stores.close()
  rmSync(data, { recursive: true, force: true })
})

test('every command of the page has what it prints after it', () => {
  expect(examples).toHaveLength(page.match(/^```sh$/gm)!.length)
  expect(examples.length).toBeGreaterThanOrEqual(4)
})

test.each(examples)('$command', async ({ command, kind, shown }) => {
  const env = { ...process.env, CALLHOUSE_URL: api.url, KEY: key }
  const { stdout } = await promisify(execFile)('sh', ['-c', command], { env })
  if (kind === 'json') expect(JSON.parse(stdout)).toEqual(JSON.parse(shown))
  else expect(stdout.trim()).toBe(shown.trim())
})
