/** The pretend phone company's REST API; also the shortest example of a REST source. */
import { CallhouseError } from '../../errors.ts'
import { createHttpClient, GarbledAnswer, type HttpClientOptions } from '../http-client.ts'
import { mergeStreams } from '../merge-streams.ts'
import { entityNames, findEntity, type EntityName } from '../records/index.ts'
import type { PageRequest, RestPage } from '../rest-pages.ts'
import { pullRestStream, type RestPullOptions, type RestStream } from '../rest-puller.ts'
import { RequestGate } from '../retry-after.ts'
import { SeenVersions } from '../seen-versions.ts'
import type { Batch, PullContext, Source, Totals } from '../source.ts'
import { readCheckpoint } from '../stream-checkpoint.ts'
import { isObject, readPretendPage, rereadPretendItem, timeOr } from './pretend-items.ts'

export interface PretendOptions {
  /** Where the API is, such as http://127.0.0.1:4010. */
  url: string
  token: string
  /** @default every stream the account has */
  streams?: readonly EntityName[]
  /** ISO time; older changes are left out, except in the directory, whose names old calls need. @default everything */
  history_from?: string
  /** 1 to 1000. @default 1000 */
  page_size?: number
  /** Streams pulled at a time. @default 3 */
  concurrency?: number
  http?: Omit<HttpClientOptions, 'token' | 'gate'>
  pull?: Pick<RestPullOptions, 'settling_lag_ms' | 'look_back_ms' | 'pages_ahead' | 'bytes_ahead'>
}

const directory: readonly EntityName[] = ['users', 'queues', 'extensions', 'numbers', 'contacts']
/** What reports need first comes first; the rest follows in the order of the entities. */
const first: readonly EntityName[] = [...directory, 'queue_visits', 'agent_events', 'agent_states', 'calls', 'messages', 'usage', 'call_legs']
const pullOrder: readonly EntityName[] = [...new Set([...first, ...entityNames])]

/** Records of one stream to remember for the look-back; about 200 bytes each. */
const SEEN_LIMIT = 100_000

interface Account {
  history_from_ms: number
  counts: ReadonlyMap<string, number>
}

/**
 * Pulls every stream of a Pretend Telco account. `native_id` is the item's id,
 * `anchor_at` its created_at, `version` its updated_at. A pull that the signal
 * aborts ends quietly between two batches.
 */
export function createPretendSource(options: PretendOptions): Source {
  const base = baseUrl(options.url)
  const page_size = options.page_size ?? 1000
  if (!Number.isInteger(page_size) || page_size < 1 || page_size > 1000)
    throw new CallhouseError('config_invalid', `page_size of a pretend source is ${page_size}; give a whole number from 1 to 1000.`)
  const unknown = options.streams?.find((name) => !findEntity(name))
  if (unknown !== undefined)
    throw new CallhouseError('config_invalid', `A pretend source has no stream "${unknown}". It has: ${entityNames.join(', ')}.`)
  const history_from_ms = options.history_from === undefined ? null : Date.parse(options.history_from)
  if (Number.isNaN(history_from_ms))
    throw new CallhouseError('config_invalid', 'history_from of a pretend source is not an ISO 8601 time, such as 2026-01-01T00:00:00Z.')

  const wanted = pullOrder.filter((name) => !options.streams || options.streams.includes(name))
  const gate = new RequestGate()
  const memories = new Map(wanted.map((name) => [name, new SeenVersions(SEEN_LIMIT)]))
  let account: Account | undefined

  const clientFor = (context: PullContext, signal: AbortSignal) =>
    createHttpClient({ ...context, signal }, { ...options.http, token: options.token, gate })

  async function* pull(context: PullContext): AsyncGenerator<Batch, void> {
    const checkpoints = new Map(await Promise.all(wanted.map(async (name) => [name, readCheckpoint(await context.checkpoint(name))] as const)))
    const backfilling = wanted.filter((name) => checkpoints.get(name)!.high_water_ms === null)
    if (!account || backfilling.length > 0) account = await clientFor(context, context.signal).get(new URL(`${base}/v1/account`), readAccount)
    const { counts } = account
    const names = wanted.filter((name) => counts.has(name))
    const missing = options.streams?.filter((name) => !counts.has(name)) ?? []
    if (missing.length > 0) context.log.warn({ streams: missing }, 'the account has no such streams; they are left out')

    const bar = progressBar(backfilling.map((name) => ({ done: checkpoints.get(name)!.pass?.read ?? 0, total: counts.get(name) ?? 0 })))
    const stop = new AbortController()
    const leave = (): void => stop.abort()
    context.signal.addEventListener('abort', leave)
    try {
      const inner = { ...context, signal: stop.signal }
      const streams = names.map(
        (name) => () =>
          pullRestStream(inner, streamOf(context, name, account!), { ...options.pull, ...(backfilling.includes(name) && { onRead: bar }) }),
      )
      yield* mergeStreams(streams, options.concurrency ?? 3, leave)
    } finally {
      context.signal.removeEventListener('abort', leave)
    }
  }

  function streamOf(context: PullContext, name: EntityName, { history_from_ms: account_from_ms }: Account): RestStream {
    const first_since_ms = directory.includes(name) ? null : history_from_ms
    return {
      name,
      entity: name,
      first_since_ms,
      history_from_ms: Math.max(account_from_ms, first_since_ms ?? 0),
      seen: memories.get(name)!,
      fetchPage: (request, signal): Promise<RestPage> =>
        clientFor(context, signal).get(pageUrl(name, request), (text) => readPretendPage(text, name, base)),
    }
  }

  function pageUrl(name: EntityName, request: PageRequest): URL {
    const url = new URL(`${base}/v1/${name}`)
    url.searchParams.set('limit', String(page_size))
    if ('cursor' in request) url.searchParams.set('cursor', request.cursor)
    else if (request.updated_since_ms !== null) url.searchParams.set('updated_since', new Date(Math.max(0, request.updated_since_ms)).toISOString())
    return url
  }

  return {
    kind: 'pretend',
    entities: wanted,
    pull: (context) => quietlyStopped(pull(context), context.signal),
    reparse: (stored) => rereadPretendItem(stored, base),
    totals: (context, { entity, from_ms, to_ms }) => {
      const url = new URL(`${base}/v1/totals/${entity}`)
      url.searchParams.set('from', new Date(from_ms).toISOString())
      url.searchParams.set('to', new Date(to_ms).toISOString())
      return clientFor(context, context.signal).get(url, readTotals)
    },
  }
}

/** A pull that was aborted is a pull that ended. */
async function* quietlyStopped(batches: AsyncIterable<Batch>, signal: AbortSignal): AsyncGenerator<Batch, void> {
  try {
    yield* batches
  } catch (thrown) {
    if (!signal.aborted) throw thrown
  }
}

/** Adds up what the first passes of all streams have read; lists grow while they are read, so the total follows. */
function progressBar(parts: readonly { done: number; total: number }[]): (items: number) => { done: number; total: number } {
  let done = parts.reduce((sum, part) => sum + part.done, 0)
  const total = parts.reduce((sum, part) => sum + part.total, 0)
  return (items) => {
    done += items
    return { done, total: Math.max(total, done) }
  }
}

function readTotals(text: string): Totals {
  const totals: unknown = JSON.parse(text)
  if (!isObject(totals) || !Number.isSafeInteger(totals['count'])) throw new GarbledAnswer('the answer was no totals: it has no count')
  const { count, sum } = totals as { count: number; sum?: unknown }
  if (!isObject(sum)) return { count, field: '', sum: 0 }
  const value = Number(sum['value'])
  if (typeof sum['field'] !== 'string' || !Number.isFinite(value)) throw new GarbledAnswer('the answer was no totals: sum has no field and value')
  return { count, field: sum['field'], sum: value }
}

function readAccount(text: string): Account {
  const account: unknown = JSON.parse(text)
  if (!isObject(account) || !Array.isArray(account['streams'])) throw new GarbledAnswer('the answer was no account: it has no streams')
  const counts = new Map<string, number>()
  for (const stream of account['streams'] as unknown[]) {
    if (!isObject(stream) || typeof stream['name'] !== 'string') throw new GarbledAnswer('the answer was no account: a stream has no name')
    counts.set(stream['name'], typeof stream['count'] === 'number' ? stream['count'] : 0)
  }
  return { history_from_ms: timeOr(account['history_from'], 'the answer was no account: history_from is not a time'), counts }
}

function baseUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.username || parsed.password || parsed.search || parsed.hash)
    throw new CallhouseError('config_invalid', 'url of a pretend source is not a plain http(s) address, such as http://127.0.0.1:4010.')
  return parsed.href.replace(/\/+$/, '')
}
