/** The words of a declarative REST source: what its YAML may say. docs/declarative-sources.md explains each. */
import { Type, type Static } from 'typebox'

const strict = { additionalProperties: false } as const
const text = Type.String({ minLength: 1 })
const scalar = Type.Unknown()
/** 500ms, 10s, 5m, 1h, 30d. */
const period = Type.String({ pattern: '^[0-9]+(ms|s|m|h|d)$' })
const words = <const W extends readonly string[]>(...list: W) => Type.Unsafe<W[number]>({ type: 'string', enum: list })
const whole = (minimum: number) => Type.Integer({ minimum })

const condition = Type.Object(
  {
    from: text,
    is: Type.Optional(scalar),
    in: Type.Optional(Type.Array(scalar)),
    /** One of the words of a list, or of a text with commas. */
    contains: Type.Optional(text),
    present: Type.Optional(Type.Boolean()),
  },
  strict,
)
const conditions = Type.Array(condition, { minItems: 1 })

/** Where a value comes from, and how it is read. Exactly one of the first five. */
export const mappingSchema = Type.Object(
  {
    from: Type.Optional(text),
    const: Type.Optional(scalar),
    template: Type.Optional(text),
    /** The time from one field of the record to another, in ms. */
    between: Type.Optional(Type.Array(text, { minItems: 2, maxItems: 2 })),
    first_of: Type.Optional(Type.Array(Type.Unknown(), { minItems: 1 })),
    when: Type.Optional(conditions),
    type: Type.Optional(words('text', 'whole', 'number', 'boolean', 'time', 'duration', 'money', 'raw')),
    unit: Type.Optional(words('us', 'ms', 's', 'min', 'h', 'clock', 'units', 'cents', 'micros')),
    format: Type.Optional(text),
    zone: Type.Optional(text),
    /** What a local time means that the clock showed twice, or never. */
    ambiguous: Type.Optional(words('earlier', 'later', 'reject')),
    map: Type.Optional(Type.Record(Type.String(), scalar)),
    /** For what `map` does not know; without it that is a dead letter. */
    otherwise: Type.Optional(scalar),
    /** Texts that mean nothing, beside the empty one. */
    empty: Type.Optional(Type.Array(Type.String())),
    /** For what is not there. */
    default: Type.Optional(scalar),
  },
  strict,
)

export const recordSchema = Type.Object(
  {
    entity: text,
    /** An array in the item: a record for each of its elements. */
    each: Type.Optional(text),
    when: Type.Optional(conditions),
    native_id: Type.Unknown(),
    anchor_at: Type.Optional(Type.Unknown()),
    version: Type.Optional(Type.Unknown()),
    deleted: Type.Optional(conditions),
    fields: Type.Record(Type.String(), Type.Unknown()),
  },
  strict,
)

export const authSchemas = {
  none: Type.Object({ type: Type.Literal('none') }, strict),
  basic: Type.Object({ type: Type.Literal('basic'), username: text, password: text }, strict),
  bearer: Type.Object({ type: Type.Literal('bearer'), token: text }, strict),
  oauth2: Type.Object(
    {
      type: Type.Literal('oauth2'),
      token_url: text,
      client_id: text,
      client_secret: text,
      /** Where the client's id and secret go. */
      client_in: Type.Optional(words('header', 'body')),
      params: Type.Optional(Type.Record(Type.String(), Type.String())),
      renew_before: Type.Optional(period),
    },
    strict,
  ),
}

const size = { size_param: Type.Optional(text), size: Type.Optional(whole(1)) }
export const pagingSchemas = {
  none: Type.Object({ type: Type.Literal('none') }, strict),
  page: Type.Object({ type: Type.Literal('page'), param: text, first: Type.Optional(whole(0)), pages: Type.Optional(text), ...size }, strict),
  offset: Type.Object({ type: Type.Literal('offset'), param: text, ...size }, strict),
  cursor: Type.Object({ type: Type.Literal('cursor'), param: text, cursor: text, ...size }, strict),
  next_url: Type.Object({ type: Type.Literal('next_url'), link: text, ...size }, strict),
}

const request = Type.Object(
  {
    method: Type.Optional(words('GET', 'POST')),
    path: Type.String({ pattern: '^/' }),
    query: Type.Optional(Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]))),
    body: Type.Optional(Type.Unknown()),
  },
  strict,
)

const job = Type.Object(
  {
    start: request,
    id: text,
    poll: request,
    status: text,
    done: Type.Array(text, { minItems: 1 }),
    failed: Type.Optional(Type.Array(text)),
    /** Where the poll's answer has the result's address; credentials go along only to the source's own host. */
    download: text,
    every: Type.Optional(period),
    longest: Type.Optional(period),
  },
  strict,
)

const time_window = Type.Object(
  {
    format: words('epoch_s', 'epoch_ms', 'iso', 'iso_ms', 'date', 'days_ago'),
    to: Type.Optional(words('inclusive', 'exclusive')),
    longest: period,
    shortest: Type.Optional(period),
  },
  strict,
)

export const streamSchema = Type.Object(
  {
    request: Type.Optional(request),
    job: Type.Optional(job),
    paging: Type.Optional(Type.Unknown()),
    /** Where the items are; left out, the answer itself is the list. */
    items: Type.Optional(text),
    answer: Type.Optional(words('json', 'csv')),
    window: Type.Optional(time_window),
    /** More than so many items are never listed for one window. */
    cap: Type.Optional(whole(1)),
    total: Type.Optional(text),
    look_back: Type.Optional(period),
    /** A look-back at most so often; passes between begin at the high water. */
    look_back_every: Type.Optional(period),
    settling_lag: Type.Optional(period),
    /** Not pulled more often, however often the source is. */
    every: Type.Optional(period),
    /** The API does not have, or refuses to list, what is younger. */
    delay: Type.Optional(period),
    /** Members that are removed before anything is stored. */
    strip: Type.Optional(Type.Array(text)),
    records: Type.Array(Type.Unknown(), { minItems: 1 }),
  },
  strict,
)

const setting = Type.Object({ about: text, default: Type.Optional(Type.String()) }, strict)
const rateLimit = Type.Object({ requests: whole(1), per: period, path: Type.Optional(text), method: Type.Optional(words('GET', 'POST')) }, strict)

export const specSchema = Type.Object(
  {
    format: Type.Literal(1),
    title: text,
    about: Type.Object({ auth: text, cursor: text, look_back: text, rate_limits: text, late_fields: text }, strict),
    base_url: Type.String({ pattern: '^https?://' }),
    credentials: Type.Optional(Type.Record(Type.String(), setting)),
    values: Type.Optional(Type.Record(Type.String(), setting)),
    auth: Type.Unknown(),
    rate_limits: Type.Optional(Type.Array(rateLimit)),
    retry: Type.Optional(
      Type.Object(
        {
          attempts: Type.Optional(whole(1)),
          longest_wait: Type.Optional(period),
          statuses: Type.Optional(Type.Record(Type.String({ pattern: '^[1-5][0-9][0-9]$' }), words('retry', 'throttle', 'refuse'))),
        },
        strict,
      ),
    ),
    check: Type.Object({ path: Type.String({ pattern: '^/' }), account: text }, strict),
    streams: Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_]*$' }), Type.Unknown()),
    /** Nothing here is read: a place for anchors (`&name`) that streams repeat. */
    shared: Type.Optional(Type.Unknown()),
  },
  strict,
)

export type Condition = Static<typeof condition>
export type Mapping = Static<typeof mappingSchema>
export type Auth = { [K in keyof typeof authSchemas]: Static<(typeof authSchemas)[K]> }[keyof typeof authSchemas]
export type Paging = { [K in keyof typeof pagingSchemas]: Static<(typeof pagingSchemas)[K]> }[keyof typeof pagingSchemas]
export type RequestSpec = Static<typeof request>
export type JobSpec = Static<typeof job>
export type TimeWindow = Static<typeof time_window>
export type RateLimit = Static<typeof rateLimit>
export type RecordSpec = Omit<Static<typeof recordSchema>, 'native_id' | 'anchor_at' | 'version' | 'fields'> & {
  native_id: Mapping
  anchor_at?: Mapping
  version?: Mapping
  fields: Record<string, Mapping>
}
export type StreamSpec = Omit<Static<typeof streamSchema>, 'paging' | 'records'> & { paging: Paging; records: RecordSpec[] }
export type RestSpec = Omit<Static<typeof specSchema>, 'auth' | 'streams' | 'shared'> & { auth: Auth; streams: Record<string, StreamSpec> }

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of a period such as 30d. */
export function periodMs(period: string): number {
  const [, count = '', unit = ''] = /^(\d+)([a-z]+)$/.exec(period) ?? []
  return Number(count) * (UNITS[unit] ?? NaN)
}
