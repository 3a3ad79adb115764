/** A RingCentral account: call log, message stores and directory by pull, live calls and presence by webhook. */
import { CallhouseError } from '../../../errors.ts'
import { GarbledAnswer, type HttpClientOptions } from '../../http-client.ts'
import { mergeStreams } from '../../merge-streams.ts'
import type { EntityName } from '../../records/index.ts'
import type { Batch, PullContext, Source } from '../../source.ts'
import { createApi, type RingCentralApi } from './api-client.ts'
import { CallMemory } from './call-memory.ts'
import { syncCalls } from './call-log-sync.ts'
import { syncDirectory } from './directory-sync.ts'
import { idAt, isObject, objectAt, textAt } from './json-fields.ts'
import { MessageSync } from './message-sync.ts'
import { rereadRingCentral } from './reread.ts'
import { Subscription } from './subscription.ts'
import { receiveNotification } from './webhooks.ts'

export interface RingCentralOptions {
  id: string
  client_id: string
  client_secret: string
  jwt: string
  /** @default https://platform.ringcentral.com */
  url?: string
  /** ISO time. @default 90 days before the first pull */
  history_from?: string
  /** Extensions whose messages are read; @default all that are somebody's, an empty list for none */
  message_extensions?: readonly string[]
  /** Where RingCentral reaches this source's webhook; without it no subscription is made. */
  webhook_url?: string
  webhook_token?: string
  http?: Omit<HttpClientOptions, 'token' | 'gate'>
}

export const ringcentralEntities: readonly EntityName[] = [
  'calls',
  'call_legs',
  'call_segments',
  'call_events',
  'recordings',
  'messages',
  'voicemails',
  'users',
  'extensions',
  'queues',
  'presence_events',
  'transcripts',
  'transcript_turns',
  'sentiment',
]

const HISTORY_MS = 90 * 86_400_000

interface Account {
  name: string
  currency: string | undefined
}

/** Throws config_invalid for options it cannot work with. */
export function createRingCentralSource(options: RingCentralOptions): Source {
  const base = checkOptions(options)
  const api = createApi(base, options, options.http ?? {})
  const memory = new CallMemory()
  const mailboxes = new MessageSync()
  const subscription = options.webhook_url && options.webhook_token ? new Subscription(options.webhook_url, options.webhook_token) : undefined
  const history_from_ms = (now_ms: number): number => (options.history_from === undefined ? now_ms - HISTORY_MS : Date.parse(options.history_from))
  let account: Account | undefined

  async function* pull(outer: PullContext): AsyncGenerator<Batch, void> {
    const stop = new AbortController()
    const leave = (): void => stop.abort()
    outer.signal.addEventListener('abort', leave)
    if (outer.signal.aborted) leave()
    const context = { ...outer, signal: stop.signal }
    try {
      account ??= await readAccountOf(context, api)
      await subscription?.keep(context, api)
      const { currency } = account
      const streams = [() => syncCalls(context, { api, memory, history_from_ms, currency }), () => syncMailboxes(context)]
      yield* mergeStreams(streams, streams.length, leave)
    } catch (thrown) {
      // A pull that was aborted is a pull that ended.
      if (!outer.signal.aborted) throw thrown
    } finally {
      outer.signal.removeEventListener('abort', leave)
    }
  }

  async function* syncMailboxes(context: PullContext): AsyncGenerator<Batch, void> {
    const people = yield* syncDirectory(context, api)
    for (const extension of options.message_extensions ?? people) yield* mailboxes.sync(context, api, extension, history_from_ms(context.now()))
  }

  return {
    kind: 'ringcentral',
    entities: ringcentralEntities,
    pull,
    verifies_sender: true,
    receive: (request) => receiveNotification(request, options.webhook_token),
    check: async (context) => ({ account: (await readAccountOf(context, api)).name }),
    reparse: rereadRingCentral,
  }
}

/** One request of the light group. */
function readAccountOf(context: PullContext, api: RingCentralApi): Promise<Account> {
  return api(context, { group: 'light', path: '/restapi/v1.0/account/~' }, (text) => {
    const account: unknown = JSON.parse(text)
    const id = isObject(account) ? idAt(account, 'id') : undefined
    if (!isObject(account) || id === undefined) throw new GarbledAnswer('the answer was no account: it has no id')
    const brand = textAt(objectAt(objectAt(account, 'serviceInfo'), 'brand'), 'name')
    const currency = textAt(objectAt(objectAt(account, 'regionalSettings'), 'currency'), 'code')
    return { name: brand === undefined ? id : `${id} (${brand})`, currency }
  })
}

function checkOptions(options: RingCentralOptions): string {
  const invalid = (what: string): never => {
    throw new CallhouseError('config_invalid', `Source "${options.id}" (ringcentral): ${what}`)
  }
  for (const name of ['client_id', 'client_secret', 'jwt'] as const)
    if (typeof options[name] !== 'string' || options[name] === '')
      invalid(`${name} is missing. It is shown in the RingCentral developer console, under the app's credentials.`)
  if (options.history_from !== undefined && Number.isNaN(Date.parse(options.history_from)))
    invalid('history_from is not an ISO 8601 time, such as 2026-01-01T00:00:00Z.')
  const { message_extensions } = options
  if (message_extensions !== undefined && !(Array.isArray(message_extensions) && message_extensions.every((id) => /^\d+$/.test(String(id)))))
    invalid('message_extensions is not a list of extension ids.')
  if (options.webhook_url && !options.webhook_token)
    invalid('webhook_url needs a webhook_token, by which notifications are known to be RingCentral’s.')
  const url = options.url ?? 'https://platform.ringcentral.com'
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.username || parsed.password || parsed.search || parsed.hash)
    return invalid('url is not a plain http(s) address, such as https://platform.ringcentral.com.')
  return parsed.href.replace(/\/+$/, '')
}
