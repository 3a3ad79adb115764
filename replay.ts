/** `callhouse replay`: reads what is stored again with today's parsers. */
import { openSource, refreshToNow } from './app.ts'
import { checkDays } from './check-day.ts'
import { CallhouseError } from './errors.ts'
import { findEntity } from './ingest/records/index.ts'
import { replayDeadLetters } from './ingest/replay-dead-letters.ts'
import { replayRecords } from './ingest/replay-records.ts'
import type { Source } from './ingest/source.ts'
import { appendAudit } from './sql/audit.ts'
import { withLease } from './sql/leases.ts'
import type { Output, StoresVerb, StoresWork } from './verb.ts'

export interface ReplayOptions {
  tenant: string
  source?: string
  entity?: string
  from?: string
  to?: string
  deadLetters?: boolean
  apply?: boolean
}

/** Kinds of changes shown per entity. */
const EXAMPLES = 5

/** Shows what would change, and with --apply publishes it and refreshes the facts; one replay runs at a time. */
export const replay: StoresVerb<ReplayOptions> = {
  opens: 'stores',
  check,
  async run(work, options) {
    const { stores, output } = work
    const settings = work.sources.filter(({ id, tenant }) => tenant === options.tenant && (options.source === undefined || id === options.source))
    if (settings.length === 0)
      throw new CallhouseError(
        'not_found',
        `No source ${options.source === undefined ? '' : `${options.source} `}of tenant ${options.tenant} is in the configuration. A replay needs the source's settings: its parser and its time zone.`,
      )
    const mine = await withLease(stores.leases, 'replay', { ttl_ms: 60_000 }, async ({ signal: lost }) => {
      const signal = AbortSignal.any([lost, work.signal])
      for (const each of settings) {
        signal.throwIfAborted()
        const { source } = await openSource(stores, each)
        await replaySource({ ...work, signal }, source, each.id, options)
      }
    })
    if (!mine) throw new CallhouseError('bad_request', 'Another replay is running. Wait for it to end.')
    if (options.apply) await refreshToNow(stores, work.signal)
    else output.out('\nNothing was changed. Run it again with --apply to publish this.\n')
    return 0
  },
}

async function replaySource({ stores, output, signal }: StoresWork, source: Source, source_id: string, options: ReplayOptions): Promise<void> {
  const say = (line: string): void => output.out(`${options.tenant}/${source_id}  ${line}\n`)
  const target = { tenant_id: options.tenant, source_id }
  const apply = options.apply === true
  if (!source.reparse) return say(`a source of kind ${source.kind} cannot be replayed; load its data again`)
  if (apply)
    await appendAudit(stores.control, { actor: 'cli', tenant_id: options.tenant, action: 'replay.apply', object: source_id, detail: { ...options } })
  const letters = await replayDeadLetters(stores.warehouse, stores.loader, source, target, { ...options, apply, signal })
  say(`dead letters: ${letters.letters} read, ${letters.loaded} ${apply ? 'loaded' : 'would be loaded'}, ${letters.failing} still failing`)
  sayExamples(output, letters.reasons)
  if (options.deadLetters) return
  const entities = options.entity === undefined ? source.entities : source.entities.filter((name) => name === options.entity)
  for (const entity of entities) {
    const diff = await replayRecords(stores.warehouse, stores.loader, source, entity, target, { ...options, apply, signal })
    if (diff.records === 0) continue
    const rest = diff.unreadable > 0 ? `, ${diff.unreadable} cannot be read by themselves` : ''
    say(
      `${entity}: ${diff.records} read, ${diff.unchanged} unchanged, ${diff.changed} ${apply ? 'changed' : 'would change'}, ${diff.failing} failing${rest}`,
    )
    sayExamples(output, diff.examples)
  }
}

function sayExamples(output: Output, examples: ReadonlyMap<string, number>): void {
  const most = [...examples].sort((a, b) => b[1] - a[1]).slice(0, EXAMPLES)
  for (const [what, count] of most) output.out(`    ${count} × ${what}\n`)
}

function check({ entity, from, to }: ReplayOptions): void {
  if (entity !== undefined && !findEntity(entity)) throw new CallhouseError('entity_unknown', `There is no entity "${entity}".`)
  checkDays({ from, to })
}
