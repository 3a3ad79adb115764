/**
 * Twilio: calls and their legs, messages, recordings, transcriptions,
 * conferences, usage, balance and numbers out of its REST API, and status
 * callbacks as they come.
 */
import { createHttpClient, GarbledAnswer, type HttpClient } from '../../http-client.ts'
import { mergeStreams } from '../../merge-streams.ts'
import type { EntityName } from '../../records/index.ts'
import { RequestGate } from '../../retry-after.ts'
import { SeenVersions } from '../../seen-versions.ts'
import type { Batch, Coverage, PullContext, Source } from '../../source.ts'
import { pullBalance } from './balance-puller.ts'
import { CallRoots } from './call-roots.ts'
import { isObject } from './checkpoint.ts'
import { pullList } from './list-puller.ts'
import { entitiesOf, lists, type ListName } from './lists.ts'
import { checkOptions, type TwilioOptions, type TwilioSettings } from './options.ts'
import { reread } from './reread.ts'
import { receiveWebhook } from './webhook.ts'

/** Items of one list to remember for the look-back; about 250 bytes each. */
const SEEN_LIMIT = 100_000

/** A source that reads the account, and those subaccounts that are named. Throws config_invalid. */
export function createTwilioSource(options: TwilioOptions): Source {
  const settings = checkOptions(options)
  const gate = new RequestGate()
  const roots = new CallRoots()
  const memories = new Map<string, SeenVersions>()
  const covered = new Map<ListName, Map<string, { from_ms: number; to_ms: number }>>()

  const clientFor = (context: PullContext): HttpClient => createHttpClient(withBasicAuth(context, settings), { ...settings.http, gate })

  const streamOf = (context: PullContext, name: ListName, account: string): AsyncGenerator<Batch, void> => {
    const client = clientFor(context)
    if (name === 'balance') return pullBalance(context, settings, client)
    const key = `${name}/${account}`
    if (!memories.has(key)) memories.set(key, new SeenVersions(SEEN_LIMIT))
    const cover = (from_ms: number, to_ms: number): Coverage[] => coverageOf(name, account, from_ms, to_ms)
    return pullList(context, { name, list: lists[name], account, settings, client, roots, seen: memories.get(key)!, covered: cover })
  }

  /** What every account's list reaches to: nothing is covered while one of them is missing. */
  const coverageOf = (name: Exclude<ListName, 'balance'>, account: string, from_ms: number, to_ms: number): Coverage[] => {
    if (!covered.has(name)) covered.set(name, new Map())
    const accounts = covered.get(name)!.set(account, { from_ms, to_ms })
    if (accounts.size < settings.accounts.length) return []
    const [from, to] = [Math.max(...[...accounts.values()].map((at) => at.from_ms)), Math.min(...[...accounts.values()].map((at) => at.to_ms))]
    return lists[name].entities.map((entity) => ({ entity, from_ms: from, to_ms: to }))
  }

  async function* pull(context: PullContext): AsyncGenerator<Batch, void> {
    const stop = new AbortController()
    const leave = (): void => stop.abort()
    context.signal.addEventListener('abort', leave)
    if (context.signal.aborted) leave()
    try {
      const inner = { ...context, signal: stop.signal }
      const wanted = settings.lists.flatMap((name) =>
        (name === 'balance' ? [settings.account_sid] : settings.accounts).map((account) => () => streamOf(inner, name, account)),
      )
      yield* mergeStreams(wanted, settings.concurrency, leave)
    } catch (thrown) {
      // A pull that was aborted is a pull that ended.
      if (!context.signal.aborted) throw thrown
    } finally {
      context.signal.removeEventListener('abort', leave)
    }
  }

  return {
    kind: 'twilio',
    entities: [...new Set<EntityName>([...entitiesOf(settings.lists), ...(settings.auth_token === undefined ? [] : webhookEntities)])],
    pull,
    reparse: (stored) => reread(stored, settings.base),
    verifies_sender: true,
    receive: (request, context) => receiveWebhook(request, context.now(), settings.auth_token, settings.public_url),
    check: (context) => checkCredentials(context, clientFor(context), settings),
  }
}

const webhookEntities: readonly EntityName[] = ['message_events', 'call_events']

/** The client knows bearer tokens only; Twilio wants a name and a password. */
function withBasicAuth(context: PullContext, { authorization }: TwilioSettings): PullContext {
  const send: typeof fetch = (input, init) =>
    context.fetch(input, { ...init, headers: { ...(init?.headers as Record<string, string>), authorization } })
  return { ...context, fetch: send }
}

/** A list that every key may read, and a single item of it: the account itself is closed to most keys. */
async function checkCredentials(context: PullContext, client: HttpClient, settings: TwilioSettings): Promise<{ account: string }> {
  context.signal.throwIfAborted()
  const url = new URL(`${settings.base}/2010-04-01/Accounts/${settings.account_sid}/Calls.json?PageSize=1`)
  await client.get(url, (text) => {
    const page: unknown = JSON.parse(text)
    if (!isObject(page) || !Array.isArray(page['calls'])) throw new GarbledAnswer('the answer was no list of calls')
  })
  return { account: settings.account_sid }
}
