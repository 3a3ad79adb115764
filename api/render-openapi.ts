/** Writes docs/openapi.json from the routes and docs/errors.md from the error catalogue: `npx tsx api/render-openapi.ts --write`. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import type { Control } from '../sql/control.ts'
import type { Warehouse } from '../sql/warehouse.ts'
import { renderErrors } from './render-errors.ts'
import { buildServer } from './server.ts'

/** The API's description as the text of docs/openapi.json. No database is touched. */
export async function renderOpenApi(version: string): Promise<string> {
  const app = buildServer({
    warehouse: undefined as unknown as Warehouse,
    control: undefined as unknown as Control,
    config: { host: '127.0.0.1', port: 0 },
    version,
    logger: pino({ level: 'silent' }),
  })
  await app.ready()
  try {
    return `${JSON.stringify(app.swagger(), null, 2)}\n`
  } finally {
    await app.close()
  }
}

/** Every generated document: where it is and what it should hold, laid out as the formatter would. */
export async function renderDocuments(version: string): Promise<{ file: URL; text: string }[]> {
  const { format, resolveConfig } = await import('prettier')
  const written = [
    { file: new URL('../docs/openapi.json', import.meta.url), text: await renderOpenApi(version) },
    { file: new URL('../docs/errors.md', import.meta.url), text: renderErrors() },
  ]
  const layout = async ({ file, text }: { file: URL; text: string }) => {
    const filepath = fileURLToPath(file)
    return { file, text: await format(text, { ...(await resolveConfig(filepath)), filepath }) }
  }
  return await Promise.all(written.map(layout))
}

if (process.argv[1] === import.meta.filename && process.argv.includes('--write')) {
  const { default: manifest } = await import('../package.json', { with: { type: 'json' } })
  for (const { file, text } of await renderDocuments(manifest.version)) writeFileSync(file, text)
}
