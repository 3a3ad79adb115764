/** The lists of Twilio's REST API that are read: where each is, by what it can be narrowed, and what its items become. */
import type { CanonicalRecord, EntityName } from '../../records/index.ts'
import { readNumber, readUsage } from './billing.ts'
import { readCall } from './calls.ts'
import { readConference } from './conferences.ts'
import { readMessage } from './messages.ts'
import { readRecording, readTranscription } from './recordings.ts'
import type { Item } from './values.ts'

export const listNames = ['numbers', 'calls', 'messages', 'usage', 'balance', 'recordings', 'conferences', 'transcriptions'] as const
export type ListName = (typeof listNames)[number]

export interface ReadContext {
  base: string
  /** The call that a call SID belongs to. */
  root: string
}

export interface List {
  /** Below the account's address. */
  path: string
  /** The member of a page that holds its items. */
  key: string
  entities: readonly EntityName[]
  /** Parameters that narrow it to a stretch of time; undefined for a list that can only be read whole. */
  narrow?: (url: URL, from_ms: number, to_ms: number | null) => void
  /** Read from one end to the other by every pass: what is missing was removed. */
  is_whole?: true
  /** The item's own id, for what is known of it already. */
  idOf: (item: Item) => string
  /** The time that decides whether a later pull lists it again. */
  time: string
  /** Members that change with every request, or are not to be kept. */
  volatile?: string
  dropped?: string
  /** The page's items as records; throws FieldError. */
  read: (item: Item, payload: string, context: ReadContext) => CanonicalRecord[]
}

const iso = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z')
const date = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/**
 * Both bounds are midnights, which is right however Twilio takes them: as times,
 * as days without or with the last. What is listed twice is known by its id.
 */
function between(field: string, write: (ms: number) => string): NonNullable<List['narrow']> {
  return (url, from_ms, to_ms) => {
    url.searchParams.set(`${field}>`, write(from_ms))
    if (to_ms !== null) url.searchParams.set(`${field}<`, write(to_ms))
  }
}

const sid = (item: Item): string => String(item['sid'])

export const lists: Readonly<Record<Exclude<ListName, 'balance'>, List>> = {
  numbers: {
    path: 'IncomingPhoneNumbers.json',
    key: 'incoming_phone_numbers',
    entities: ['numbers'],
    is_whole: true,
    idOf: sid,
    time: 'date_created',
    read: (item, payload) => readNumber(item, payload),
  },
  calls: {
    path: 'Calls.json',
    key: 'calls',
    entities: ['calls', 'call_legs'],
    // Not by EndTime: what never ended well has none.
    narrow: between('StartTime', iso),
    idOf: sid,
    time: 'start_time',
    read: (item, payload, { root }) => readCall(item, payload, root),
  },
  messages: {
    path: 'Messages.json',
    key: 'messages',
    entities: ['messages'],
    narrow: between('DateSent', iso),
    idOf: sid,
    time: 'date_sent',
    dropped: 'body',
    read: (item, payload) => readMessage(item, payload),
  },
  usage: {
    path: 'Usage/Records/Daily.json',
    key: 'usage_records',
    entities: ['usage'],
    narrow: (url, from_ms, to_ms) => {
      url.searchParams.set('StartDate', date(from_ms))
      // The last day is included; a listing without an end is one to today.
      if (to_ms !== null) url.searchParams.set('EndDate', date(to_ms - 1))
      // Twilio's default is true, and would count every subaccount a second time.
      url.searchParams.set('IncludeSubaccounts', 'false')
    },
    idOf: (item) => `${String(item['category'])}/${String(item['start_date'])}`,
    time: 'start_date',
    volatile: 'as_of',
    read: (item, payload) => readUsage(item, payload),
  },
  recordings: {
    path: 'Recordings.json',
    key: 'recordings',
    entities: ['recordings'],
    narrow: (url, from_ms, to_ms) => {
      between('DateCreated', iso)(url, from_ms, to_ms)
      url.searchParams.set('IncludeSoftDeleted', 'true')
    },
    idOf: sid,
    time: 'date_created',
    read: (item, payload, { base }) => readRecording(item, payload, base),
  },
  conferences: {
    path: 'Conferences.json',
    key: 'conferences',
    entities: ['call_events'],
    narrow: between('DateCreated', date),
    idOf: sid,
    time: 'date_created',
    read: (item, payload) => readConference(item, payload),
  },
  transcriptions: {
    path: 'Transcriptions.json',
    key: 'transcriptions',
    entities: ['transcripts'],
    idOf: sid,
    time: 'date_created',
    read: (item, payload) => readTranscription(item, payload),
  },
}

/** The entities that lists of these names bring, each once. */
export function entitiesOf(names: readonly ListName[]): EntityName[] {
  return [...new Set(names.flatMap((name): readonly EntityName[] => (name === 'balance' ? ['balances'] : lists[name].entities)))]
}
