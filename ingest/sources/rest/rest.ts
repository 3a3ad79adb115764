/** A source whose system is described in YAML, and not in code. */
import { CallhouseError } from '../../../errors.ts'
import { GarbledAnswer, type HttpClientOptions } from '../../http-client.ts'
import { mergeStreams } from '../../merge-streams.ts'
import { entities, type EntityName } from '../../records/index.ts'
import type { Batch, PullContext, Reparsed, Source, StoredInput } from '../../source.ts'
import { Api } from './api.ts'
import type { Mapping, RestSpec, StreamSpec } from './language.ts'
import { compileMapper } from './map-item.ts'
import { compileTemplate, fill, scalarText } from './paths.ts'
import { pullStream, type DeclaredStream } from './pull-stream.ts'
import { loadSpec } from './read-spec.ts'
import { SeenItems } from './seen-items.ts'

export interface RestOptions {
  /** A YAML file, or the name of a built-in. */
  spec: string | RestSpec
  /** In place of the YAML's base_url. */
  url?: string
  credentials?: Readonly<Record<string, string>>
  values?: Readonly<Record<string, string>>
  /** @default all of them */
  streams?: readonly string[]
  /** ISO time; what is older is left out. @default 90 days before the first pull */
  history_from?: string
  /** Zone of times that have none, where the YAML says `zone: source`. @default UTC */
  time_zone?: string
  /** Streams pulled at a time. @default 2 */
  concurrency?: number
  http?: HttpClientOptions
}

const DEFAULT_HISTORY_MS = 90 * 86_400_000

/** Throws config_invalid for a YAML, or settings, that cannot work. */
export function createRestSource(options: RestOptions): Source {
  const declared = typeof options.spec === 'string' ? loadSpec(options.spec) : options.spec
  const values = settingsOf(declared, options)
  const spec = { ...declared, ...fill({ auth: declared.auth, base_url: options.url ?? declared.base_url, check: declared.check }, values) }
  if (!URL.canParse(spec.base_url) || !/^https?:/.test(spec.base_url)) throw invalid(`url is not an http(s) address such as ${declared.base_url}`)
  const history_from_ms = options.history_from === undefined ? undefined : Date.parse(options.history_from)
  if (Number.isNaN(history_from_ms)) throw invalid('history_from is not an ISO 8601 time, such as 2026-01-01T00:00:00Z')
  if (!isList(options.streams ?? [])) throw invalid('streams is not a list')
  const unknown = options.streams?.find((name) => !Object.hasOwn(spec.streams, name))
  if (unknown !== undefined) throw invalid(`${spec.title} has no stream "${unknown}". It has: ${Object.keys(spec.streams).join(', ')}`)

  const zone = options.time_zone ?? 'UTC'
  const names = Object.keys(spec.streams).filter((name) => !options.streams || options.streams.includes(name))
  const streams = names.map((name) => {
    const stream = inZone(spec.streams[name]!, zone)
    return { name, spec: stream, map: compileMapper(stream.records), values, seen: new SeenItems() }
  })
  const api = new Api(spec, options.http)

  async function* pull(context: PullContext): AsyncGenerator<Batch, void> {
    const from_ms = history_from_ms ?? context.now() - DEFAULT_HISTORY_MS
    const stop = new AbortController()
    const leave = (): void => stop.abort()
    context.signal.addEventListener('abort', leave)
    if (context.signal.aborted) leave()
    try {
      const inner = { ...context, signal: stop.signal }
      const running = streams.map((stream) => () => pullStream(inner, api, { ...stream, history_from_ms: from_ms } satisfies DeclaredStream))
      yield* mergeStreams(running, options.concurrency ?? 2, leave)
    } catch (thrown) {
      if (!context.signal.aborted) throw thrown
    } finally {
      context.signal.removeEventListener('abort', leave)
    }
  }

  return {
    kind: 'rest',
    entities: [...new Set(streams.flatMap((stream) => stream.spec.records.map(({ entity }) => entity as EntityName)))],
    pull,
    check: async (context) => {
      const account = await api.send(context, api.requestOf({ path: spec.check.path }, values), (text) => {
        const item: unknown = JSON.parse(text)
        const { account: shown } = spec.check
        const found = compileTemplate(shown.includes('{') ? shown : `{${shown}}`)({ item, whole: item, index: 0 })
        if (found === undefined || found === '') throw new GarbledAnswer(`the answer does not say ${shown}`)
        return found
      })
      return { account }
    },
    reparse: (stored) => reread(streams, stored),
  }
}

/** A stored payload, mapped again. It is a whole item: of its records those of the stored one's entity and id are meant. */
function reread(streams: readonly Pick<DeclaredStream, 'spec' | 'map' | 'name'>[], stored: StoredInput): Reparsed {
  let item: unknown
  try {
    item = JSON.parse(stored.payload)
  } catch {
    return { records: [], rejects: [{ code: 'not_json', reason: 'the stored payload is not JSON' }] }
  }
  const from = stored.position === undefined ? undefined : stored.position.slice(0, stored.position.indexOf('/'))
  const able = streams.filter(({ name, spec }) => (from === undefined ? spec.records.some(({ entity }) => entity === stored.entity) : name === from))
  for (const { map } of able) {
    const { records, fault } = map(item, stored.payload, stored.version ?? 0)
    if (fault && stored.native_id === undefined) return { records: [], rejects: [fault] }
    const wanted = records.filter(
      ({ entity, record }) => stored.native_id === undefined || (entity === stored.entity && record.native_id === stored.native_id),
    )
    if (wanted.length > 0) return { records: wanted, rejects: [] }
  }
  return { records: [], rejects: [{ code: 'unmatched', reason: 'no stream of the source reads it' }] }
}

/** What requests may name: every credential and value the YAML declares, given or by default. */
function settingsOf(spec: RestSpec, options: RestOptions): Record<string, string> {
  const mistakes: string[] = []
  const settings: Record<string, string> = {}
  for (const group of ['credentials', 'values'] as const) {
    const raw: unknown = options[group] ?? {}
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
      mistakes.push(`${group}: is not a mapping of names to values`)
      continue
    }
    const [declared, given] = [spec[group] ?? {}, options[group] ?? {}]
    for (const name of Object.keys(given)) if (!Object.hasOwn(declared, name)) mistakes.push(`${group}.${name}: ${spec.title} has none of that name`)
    for (const [name, { about, default: fallback }] of Object.entries(declared)) {
      const value = Object.hasOwn(given, name) ? given[name] : fallback
      if (value === undefined || value === '') mistakes.push(`${group}.${name}: is required (${about})`)
      else settings[name] = scalarText(value) ?? ''
    }
  }
  if (mistakes.length > 0)
    throw new CallhouseError('config_invalid', `${spec.title} cannot be set up:\n${mistakes.map((one) => `  - ${one}`).join('\n')}`)
  return settings
}

/** `zone: source` is the zone of the source's configuration. */
function inZone(stream: StreamSpec, zone: string): StreamSpec {
  const placed = (mapping: Mapping): Mapping => ({
    ...mapping,
    ...(mapping.zone === 'source' && { zone }),
    ...(mapping.first_of && { first_of: (mapping.first_of as Mapping[]).map(placed) }),
  })
  return {
    ...stream,
    records: stream.records.map((record) => ({
      ...record,
      native_id: placed(record.native_id),
      ...(record.anchor_at && { anchor_at: placed(record.anchor_at) }),
      ...(record.version && { version: placed(record.version) }),
      fields: Object.fromEntries(
        Object.keys(entities[record.entity as EntityName].fields).flatMap((name) => {
          const mapping = record.fields[name]
          return mapping ? [[name, placed(mapping)] as const] : []
        }),
      ),
    })),
  }
}

function isList(value: unknown): boolean {
  return Array.isArray(value)
}

function invalid(what: string): CallhouseError {
  return new CallhouseError('config_invalid', `A rest source cannot be set up: ${what}.`)
}
