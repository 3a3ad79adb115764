/** Joins the API to ingest: what is pushed goes to its source, or is read as records, and is durable before anybody is told so. */
import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import type { Ingest, PushTarget, RecordsPushed } from './api/ingest-port.ts'
import type { Stores } from './app.ts'
import type { SourceSettings } from './config.ts'
import { CallhouseError } from './errors.ts'
import { clickhouseTime } from './ingest/loader.ts'
import { readRecords } from './ingest/read-records.ts'
import type { EntityName } from './ingest/records/index.ts'
import type { Batch, Source } from './ingest/source.ts'
import { createSource } from './ingest/sources/index.ts'
import { once } from './sql/idempotency-keys.ts'
import { ensureSource, listSources } from './sql/sources.ts'
import { ensureTenant } from './sql/tenants.ts'

/** The kind under which the control plane lists who pushes canonical records. */
const RECORDS_KIND = 'push'

/** The configured sources, created when something is first pushed to them, and a place for canonical records. */
export function openIngest(stores: Stores, configured: readonly SourceSettings[], log: Logger, now: () => number = Date.now): Ingest {
  const created = new Map<string, Source>()
  const known = new Map<string, Promise<void>>()

  const settingsOf = ({ tenant_id, source_id }: PushTarget): SourceSettings | undefined =>
    configured.find(({ id, tenant }) => tenant === tenant_id && id === source_id)

  function receiverOf(target: PushTarget): { settings: SourceSettings; source: Source } {
    const settings = settingsOf(target)
    const key = nameOf(target)
    const source = settings && (created.get(key) ?? createSource({ ...settings.options, ...pick(settings) }))
    if (!settings || !source?.receive)
      throw new CallhouseError('not_found', 'No source of that name takes what is pushed. Check the tenant and the source in the address.')
    created.set(key, source)
    return { settings, source }
  }

  /** Once per process and source: the control plane knows whose it is. */
  function makeKnown(target: PushTarget, kind: string, config: object): Promise<void> {
    const key = nameOf(target)
    const made = known.get(key) ?? register(target, kind, config)
    known.set(key, made)
    made.catch(() => known.delete(key))
    return made
  }

  async function register({ tenant_id, source_id }: PushTarget, kind: string, config: object): Promise<void> {
    await ensureTenant(stores.control, tenant_id)
    await ensureSource(stores.control, { tenant_id, id: source_id, kind, config })
  }

  async function load(batch: Batch, target: PushTarget): Promise<void> {
    const labels = { tenant: target.tenant_id, source: target.source_id }
    const { accepted, rejected } = await stores.loader.load(batch, target)
    stores.metrics.ingest_records.inc({ ...labels, outcome: 'accepted' }, accepted)
    stores.metrics.ingest_records.inc({ ...labels, outcome: 'rejected' }, rejected)
    stores.metrics.dlq_records.inc(labels, rejected)
  }

  /** Counts what was refused as a whole; only of sources that there are, or anybody could make labels. */
  async function counted<T>({ tenant_id, source_id }: PushTarget, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (thrown) {
      const code = thrown instanceof CallhouseError ? thrown.code : 'internal'
      stores.metrics.push_refused.inc({ tenant: tenant_id, source: source_id, code })
      log.warn({ tenant_id, source_id, code }, 'a push was refused; nothing of it was kept')
      throw thrown
    }
  }

  async function admit(): Promise<void> {
    await stores.disk.status()
    if (stores.disk.paused) throw new CallhouseError('ingest_paused', 'The disk is nearly full. Nothing was kept; send it again later.')
  }

  async function storeRecords(target: PushTarget, entity: EntityName, content_type: string, body: Buffer): Promise<RecordsPushed> {
    await admit()
    const now_ms = now()
    const origin = { ...target, observed_at: clickhouseTime(now_ms) }
    const { inputs, encoded, refused } = await readRecords(body, content_type, entity, origin, now_ms)
    await makeKnown(target, RECORDS_KIND, {})
    await load({ stream: RECORDS_KIND, inputs, records: [], rejects: [], encoded, checkpoint: null }, target)
    return { inputs, refused }
  }

  async function refuseTaken({ tenant_id, source_id }: PushTarget): Promise<void> {
    if (known.has(nameOf({ tenant_id, source_id })) && !settingsOf({ tenant_id, source_id })) return
    const stored = (await listSources(stores.control, tenant_id)).find(({ id }) => id === source_id)
    if (!settingsOf({ tenant_id, source_id }) && (stored?.kind ?? RECORDS_KIND) === RECORDS_KIND) return
    throw new CallhouseError('bad_request', `"${source_id}" is a source of another kind: its records come from it alone. Name another source.`, {
      details: { parameter: 'source' },
    })
  }

  return {
    verifiesSender: (target) => receiverOf(target).source.verifies_sender === true,

    async receive(target, request) {
      const { settings, source } = receiverOf(target)
      return await counted(target, async () => {
        await admit()
        const { inputs, records, rejects, answer } = await source.receive!(request, { now, log })
        await makeKnown(target, settings.kind, { poll_ms: settings.poll_ms, cron: settings.cron, time_zone: settings.time_zone })
        await load({ stream: 'push', inputs, records, rejects, checkpoint: null }, target)
        return answer ?? { status: 204, type: 'text/plain', body: '' }
      })
    },

    async records(target, { entity, content_type, body, idempotency_key }) {
      await refuseTaken(target)
      const work = (): Promise<RecordsPushed> => storeRecords(target, entity as EntityName, content_type, body)
      if (idempotency_key === undefined) return { answer: await work(), is_repeated: false }
      const request_hash = createHash('sha256')
        .update(JSON.stringify([target.source_id, entity, content_type]))
        .update(body)
        .digest('hex')
      return await once(stores.control, { tenant_id: target.tenant_id, key: idempotency_key, request_hash }, work, now)
    },
  }
}

const nameOf = ({ tenant_id, source_id }: PushTarget): string => `${tenant_id}/${source_id}`
const pick = ({ id, tenant, kind, time_zone }: SourceSettings) => ({ id, tenant, kind, time_zone })
