/** What a Twilio source is told, checked. */
import { CallhouseError } from '../../../errors.ts'
import type { HttpClientOptions } from '../../http-client.ts'
import { listNames, type ListName } from './lists.ts'

export interface TwilioOptions {
  /** The account, AC…; it is also the user name beside `auth_token`. */
  account_sid: string
  /** Also what webhooks are signed with. */
  auth_token?: string
  /** In place of the token for requests: a key's SID, SK…, and its secret. */
  api_key?: string
  api_secret?: string
  /** @default https://api.twilio.com */
  url?: string
  /** Further accounts, each by its SID. Nothing of an account is read unless it is named. */
  subaccounts?: readonly string[]
  /** @default all of them */
  lists?: readonly ListName[]
  /** ISO time; what began earlier is left out. @default 400 days before the first pull */
  history_from?: string
  /** How far back every pull reads again. @default 15 */
  look_back_days?: number
  /** Days asked for at a time. @default 7 */
  window_days?: number
  /** 1 to 1000. @default 1000 */
  page_size?: number
  /** Lists read at a time: Twilio limits requests under way, not requests per minute. @default 2 */
  concurrency?: number
  /** Scheme and host that Twilio sends webhooks to, where a proxy stands before Callhouse. */
  public_url?: string
  http?: Omit<HttpClientOptions, 'token' | 'gate'>
}

export interface TwilioSettings {
  account_sid: string
  accounts: readonly string[]
  auth_token: string | undefined
  /** The value of the Authorization header. */
  authorization: string
  base: string
  lists: readonly ListName[]
  history_from_ms: number | undefined
  look_back_ms: number
  window_ms: number
  page_size: number
  concurrency: number
  public_url: string | undefined
  http: Omit<HttpClientOptions, 'token' | 'gate'>
}

const DAY_MS = 86_400_000
const ACCOUNT = /^AC[0-9a-fA-F]{32}$/
const PRINTABLE = /^[\x21-\x7e]+$/

/** Throws config_invalid, naming the option and never its value. */
export function checkOptions(options: TwilioOptions): TwilioSettings {
  const accounts = [options.account_sid, ...wordsOf(options.subaccounts ?? [], 'subaccounts')]
  const wanted = options.lists && wordsOf(options.lists, 'lists')
  if (accounts.some((sid) => typeof sid !== 'string' || !ACCOUNT.test(sid)))
    throw invalid('account_sid and subaccounts', 'are AC and 32 hexadecimal digits each, as the console shows them')
  const unknown = wanted?.find((name) => !(listNames as readonly string[]).includes(name))
  if (unknown !== undefined) throw invalid('lists', `are out of ${listNames.join(', ')}`)
  const history_from_ms = options.history_from === undefined ? undefined : Date.parse(options.history_from)
  if (Number.isNaN(history_from_ms)) throw invalid('history_from', 'is an ISO 8601 time, such as 2026-01-01T00:00:00Z')
  return {
    account_sid: options.account_sid,
    // Naming one twice would read it twice.
    accounts: [...new Set(accounts)],
    auth_token: options.auth_token,
    authorization: authorizationOf(options),
    base: originOf(options.url ?? 'https://api.twilio.com', 'url'),
    lists: listNames.filter((name) => !wanted || wanted.includes(name)),
    history_from_ms,
    look_back_ms: between(options.look_back_days ?? 15, 0, 400, 'look_back_days') * DAY_MS,
    window_ms: between(options.window_days ?? 7, 1, 400, 'window_days') * DAY_MS,
    page_size: between(options.page_size ?? 1000, 1, 1000, 'page_size'),
    concurrency: between(options.concurrency ?? 2, 1, 16, 'concurrency'),
    public_url: options.public_url === undefined ? undefined : originOf(options.public_url, 'public_url'),
    http: options.http ?? {},
  }
}

function authorizationOf({ account_sid, auth_token, api_key, api_secret }: TwilioOptions): string {
  const [user, password] = api_key === undefined ? [account_sid, auth_token] : [api_key, api_secret]
  if (password === undefined || !PRINTABLE.test(password) || !PRINTABLE.test(user))
    throw invalid('auth_token, or api_key and api_secret,', 'must be there, without spaces or line breaks')
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

/** A list, or its words with commas between them, as a command line gives it. */
function wordsOf(value: readonly string[] | string, option: string): string[] {
  const words: unknown = typeof value === 'string' ? value.split(',').map((word) => word.trim()) : value
  if (!Array.isArray(words) || words.some((word) => typeof word !== 'string')) throw invalid(option, 'are a list of words')
  return words as string[]
}

function originOf(url: string, option: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.username || parsed.password || parsed.pathname !== '/' || parsed.search || parsed.hash)
    throw invalid(option, 'is a scheme and a host, such as https://api.twilio.com')
  return parsed.origin
}

function between(value: number, least: number, most: number, option: string): number {
  if (!Number.isInteger(value) || value < least || value > most) throw invalid(option, `is a whole number from ${least} to ${most}`)
  return value
}

function invalid(option: string, rule: string): CallhouseError {
  return new CallhouseError('config_invalid', `Options of a twilio source: ${option} ${rule}.`)
}
