/** Callers waiting and agents by state, now. */
import type { Api } from '../api.ts'
import type { ApiContext } from '../context.ts'
import { readLive } from '../schemas/live.ts'

export function addLive(api: Api, { live }: ApiContext): void {
  api.get('/v1/live', { schema: readLive, config: { scope: 'read' } }, async (request) => await live(request.principal.tenant_id))
}
