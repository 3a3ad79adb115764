/** Puts the API on a port, with what only the joined application knows: sources' audio, tenants' keys, readiness. */
import { createRequire } from 'node:module'
import type { Logger } from 'pino'
import { httpAudio, type OpenAudio } from './api/open-audio.ts'
import { buildServer } from './api/server.ts'
import { readiness, type Stores } from './app.ts'
import type { Config, SourceSettings } from './config.ts'
import { CallhouseError } from './errors.ts'
import { openIngest } from './push.ts'
import { pseudonymKey } from './sql/pseudonym-keys.ts'

export interface RunningApi {
  url: string
  close(): Promise<void>
}

const SHORTEST_GOOD_KEY = 16

const { version } = createRequire(import.meta.url)('./package.json') as { version: string }

/** Listens on the configured address; `sources` are those whose recordings it may fetch. */
export async function listenApi(
  stores: Stores,
  config: Config,
  log: Logger,
  sources: readonly SourceSettings[] = config.sources,
): Promise<RunningApi> {
  const { host, port, admin_key } = config.api
  if (admin_key !== undefined && admin_key.length < SHORTEST_GOOD_KEY)
    log.warn({ variable: 'CALLHOUSE_ADMIN_KEY' }, `the admin key is short enough to guess; use at least ${SHORTEST_GOOD_KEY} characters`)
  const app = buildServer({
    warehouse: stores.warehouse,
    control: stores.control,
    config: { host, port, ...(admin_key === undefined ? {} : { adminKey: admin_key }) },
    version,
    logger: log,
    ready: () => readiness(stores),
    metricsRegistry: stores.metrics.registry,
    pseudonymKey: (tenant_id) => pseudonymKey(stores.control, tenant_id),
    openAudio: audioOf(sources),
    ingest: openIngest(stores, sources, log),
  })
  const url = await app.listen({ host, port }).catch((thrown: unknown) => {
    if ((thrown as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw thrown
    throw new CallhouseError('config_invalid', `Port ${port} of ${host} is taken. Stop what listens there, or set CALLHOUSE_PORT to another.`, {
      cause: thrown,
    })
  })
  return {
    url,
    close: async () => {
      app.beginDrain()
      await app.close()
    },
  }
}

/** Recordings come from the origin of the source that named them, with its token, and from nowhere else. */
function audioOf(sources: readonly SourceSettings[]): OpenAudio {
  return httpAudio(({ tenant_id, source_id }) => {
    const source = sources.find(({ id, tenant }) => id === source_id && tenant === tenant_id)
    const { url, token } = source?.options ?? {}
    return typeof url === 'string' ? { origin: url, headers: { authorization: `Bearer ${String(token)}` } } : undefined
  })
}
