/** The page at /, which says what this is and where to go, and the list of errors that problem documents point to. */
import { readFileSync } from 'node:fs'
import type { Api } from '../api.ts'
import { renderErrors } from '../render-errors.ts'

const page = readFileSync(new URL('../landing.html', import.meta.url), 'utf8')

export function addLanding(api: Api): void {
  api.get('/', { schema: { hide: true } }, async (_request, reply) => await reply.type('text/html; charset=utf-8').send(page))

  const errors = renderErrors()
  api.get('/errors', { schema: { hide: true } }, async (_request, reply) => await reply.type('text/markdown; charset=utf-8').send(errors))
}
