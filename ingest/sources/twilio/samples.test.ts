/** Twilio's own OpenAPI examples through a server, and a data model's sample tables, read where they lie. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, describe, expect, test, type TestContext as Vitest } from 'vitest'
import { OpenApiExamples } from '../../../fixtures/openapi-examples.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import { testContext } from '../../test-context.ts'
import { addItem, nothing, type Converted } from './convert.ts'
import { lists, type ListName } from './lists.ts'
import { mustEncode, pullInto } from './test-items.ts'
import { createTwilioSource } from './twilio.ts'
import type { Item } from './values.ts'

const samples = join(import.meta.dirname, '../../../../shared/samples')
const spec_path = join(samples, 'twilio-openapi/spec/json/twilio_api_v2010.json')
const seeds = join(samples, 'dbt-twilio/integration_tests/seeds')
const needs = (context: Vitest, path: string): void => {
  if (!existsSync(path)) context.skip('the samples of other projects are not beside the repository')
}

type Row = Record<string, string>
type AnyRecord = Record<string, unknown>
const textOf = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '')
const ms = (time: unknown): number | null => (textOf(time) === '' ? null : Date.parse(textOf(time)))
const positive = (price: unknown): string | null => (textOf(price) === '' ? null : textOf(price).replace(/^-/, ''))

describe('the OpenAPI examples', () => {
  let server: OpenApiExamples | undefined
  beforeAll(async () => {
    if (!existsSync(spec_path)) return
    server = new OpenApiExamples(JSON.parse(readFileSync(spec_path, 'utf8')) as object)
    await server.start()
  })
  afterAll(() => server?.stop())

  const templateOf = (name: Exclude<ListName, 'balance'>): string => `/2010-04-01/Accounts/{AccountSid}/${lists[name].path}`
  const itemsOf = (page: unknown, key: string): Item[] => (page as Record<string, Item[]>)[key]!

  /** Every example is the first page, and whatever it says comes next is an empty last one. */
  const pullExample = async (name: ListName, example: string, change: (body: unknown) => unknown = (body) => body) => {
    server!.example = example
    let is_first = true
    server!.change = (body, url) => {
      if (name === 'balance' || url.pathname.includes('/Participants') || url.pathname.includes('/Calls/'))
        return url.pathname.includes('/Participants') ? { participants: [], next_page_uri: null } : change(body)
      const key = lists[name].key
      if (is_first) return ((is_first = false), { ...(change(body) as object) })
      return { [key]: [], next_page_uri: null }
    }
    const source = createTwilioSource({
      account_sid: `AC${'a'.repeat(32)}`,
      auth_token: 't',
      url: server!.url,
      lists: [name],
      history_from: '2026-02-28T00:00:00Z',
      window_days: 400,
      http: { attempts: 2, random: () => 0 },
    })
    return pullInto(source, testContext())
  }

  test.for(Object.keys(lists) as Exclude<ListName, 'balance'>[])(
    '%s: every item of every example is a record or a reject with a reason',
    async (name, context) => {
      needs(context, spec_path)
      const examples = server!.examplesOf(templateOf(name))
      expect(Object.keys(examples).length).toBeGreaterThan(0)
      let items = 0
      for (const [example, page] of Object.entries(examples)) {
        const listed = itemsOf(page, lists[name].key)
        items += listed.length
        const { inputs, rejects, rows } = await pullExample(name, example)
        expect(inputs).toBe(listed.length)
        for (const reject of rejects) expect(reject.reason).not.toBe('')
        const ids = new Set(listed.map((item) => lists[name].idOf(item)))
        if (rejects.length === 0 && name !== 'usage')
          expect([...rows.values()].every(({ record }) => ids.has(record.native_id.split('/')[0]!))).toBe(true)
        if (listed.length > rejects.length) expect(rows.size).toBeGreaterThan(0)
      }
      expect(items).toBeGreaterThan(0)
    },
  )

  test.for(Object.keys(lists) as Exclude<ListName, 'balance'>[])('%s: what the schema alone would make is accounted for', async (name, context) => {
    needs(context, spec_path)
    const { inputs, rejects, rows } = await pullExample(name, 'none of this name', (body) => ({ ...(body as object), next_page_uri: null }))
    expect(inputs).toBe(1)
    expect(rejects.length + (rows.size > 0 ? 1 : 0)).toBe(1)
  })

  const fields: Partial<Record<ListName, [string, (item: Item) => AnyRecord][]>> = {
    calls: [
      [
        'call_legs',
        (item) => ({
          from_number: item['from'],
          to_number: item['to'],
          parent_leg_id: item['parent_call_sid'],
          trunk_id: item['trunk_sid'],
          started_at: ms(item['start_time']),
          ended_at: ms(item['end_time']),
          anchor_at: ms(item['date_created']),
          bill_ms: Number(item['duration']) * 1_000,
          buy_price: positive(item['price']),
          currency: item['price_unit'],
          disposition: item['status'] === 'completed' ? 'answered' : undefined,
          direction: String(item['direction']).split('-')[0],
        }),
      ],
    ],
    messages: [
      [
        'messages',
        (item) => ({
          from_number: item['from'],
          to_number: item['to'],
          campaign: item['messaging_service_sid'],
          created_at: ms(item['date_created']),
          sent_at: ms(item['date_sent']),
          status: item['status'],
          error_code: textOf(item['error_code']),
          segments: Number(item['num_segments']),
          media_count: Number(item['num_media']),
          price: positive(item['price']),
          currency: item['price_unit'],
        }),
      ],
    ],
    recordings: [
      [
        'recordings',
        (item) => ({
          call_id: item['call_sid'],
          leg_id: item['call_sid'],
          started_at: ms(item['start_time']),
          anchor_at: ms(item['date_created']),
          duration_ms: Number(item['duration']) * 1_000,
          channels: item['channels'],
          is_deleted: item['status'] === 'deleted',
        }),
      ],
    ],
    transcriptions: [
      [
        'transcripts',
        (item) => ({ recording_id: item['recording_sid'], created_at: ms(item['date_created']), text: item['transcription_text'] ?? '' }),
      ],
    ],
    numbers: [['numbers', (item) => ({ number: item['phone_number'], label: item['friendly_name'], valid_from: ms(item['date_created']) })]],
  }

  test.for(Object.keys(fields) as Exclude<ListName, 'balance'>[])('%s: each mapped field is the example’s', async (name, context) => {
    needs(context, spec_path)
    let checked = 0
    for (const [example, page] of Object.entries(server!.examplesOf(templateOf(name)))) {
      const { rows, rejects } = await pullExample(name, example)
      for (const item of itemsOf(page, lists[name].key)) {
        if (rejects.some(({ payload }) => payload.includes(String(item['sid'])))) continue
        for (const [entity, expected] of fields[name]!) {
          const row = rows.get(`${entity}/${String(item['sid'])}`)!.record
          // One id stands twice in some examples; the newer is the one that is kept.
          if (row.version < (ms(item['date_updated']) ?? 0)) continue
          expect(row).toMatchObject(JSON.parse(JSON.stringify(expected(item))) as object)
          checked += 1
        }
      }
    }
    expect(checked).toBeGreaterThan(0)
  })

  test('a balance', async (context) => {
    needs(context, spec_path)
    const example = server!.examplesOf('/2010-04-01/Accounts/{AccountSid}/Balance.json')['fetch'] as Row
    const { rows } = await pullExample('balance', 'fetch')
    expect([...rows.values()].map(({ record }) => record)).toMatchObject([
      { account_id: example['account_sid'], amount: example['balance'], currency: example['currency'] },
    ])
  })
})

describe('the tables of a data model for Twilio', () => {
  const renamed: Record<string, string> = {
    id: 'sid',
    created_at: 'date_created',
    updated_at: 'date_updated',
    account_id: 'account_sid',
    parent_call_id: 'parent_call_sid',
    trunk_id: 'trunk_sid',
    outgoing_caller_id: 'phone_number_sid',
  }
  const itemOf = (row: Row): Item =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        renamed[name] ?? name,
        value === '' ? null : value.replace(/^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d+) UTC$/, '$1T$2Z'),
      ]),
    )
  const rowsOf = (table: string): Row[] => parse(readFileSync(join(seeds, `twilio_${table}_data.csv`)), { columns: true, skip_empty_lines: true })

  const read = (name: Exclude<ListName, 'balance'>, rows: Row[]): Converted & { of: (row: Row, entity: string) => AnyRecord | undefined } => {
    const into = nothing()
    const list = lists[name]
    for (const row of rows) {
      const item = itemOf(row)
      addItem(
        into,
        item,
        JSON.stringify(item),
        list,
        0,
        () => false,
        (one, payload) => list.read(one, payload, { base: '', root: String(one['sid']) }),
      )
    }
    into.records.forEach(mustEncode)
    const of = (row: Row, entity: string): AnyRecord | undefined =>
      into.records.find(
        (one: CanonicalRecord) =>
          one.entity === entity && one.record.native_id === (row['id'] ?? `${row['account_id']}/${row['category']}/${row['start_date']}`),
      )?.record as AnyRecord | undefined
    return { ...into, of }
  }
  /** 30 February becomes March for a parser that does not look. */
  const isDay = (time: string): boolean =>
    !/^\d{4}-02-(29|3\d)/.test(time) || new Date(`${time.slice(0, 10)}T00:00:00Z`).toISOString().startsWith(time.slice(0, 10))

  test('calls: all but those on a day that is not', (context) => {
    needs(context, seeds)
    const rows = rowsOf('call')
    const { inputs, rejects, of } = read('calls', rows)
    expect(inputs).toBe(rows.length)
    expect(rejects.map(({ code }) => code)).toEqual(rows.filter((row) => !isDay(row['created_at']!)).map(() => 'field_invalid'))
    for (const row of rows.filter((one) => isDay(one['created_at']!))) {
      const expected = {
        direction: row['direction'],
        from_number: row['from'],
        to_number: row['to'],
        started_at: ms(row['start_time']),
        ended_at: ms(row['end_time']),
        anchor_at: ms(row['created_at']),
        currency: row['price_unit'],
        trunk_id: row['trunk_id'] || row['outgoing_caller_id'],
        hangup_cause: row['status'],
        disposition: row['status'] === 'completed' ? 'answered' : 'abandoned',
      }
      expect(of(row, 'calls')).toMatchObject({
        ...expected,
        talk_ms: Number(row['duration']) * 1_000,
        cost: positive(row['price']),
        from_number_raw: row['from'],
        to_number_raw: row['to'],
      })
      expect(of(row, 'call_legs')).toMatchObject({
        ...expected,
        bill_ms: Number(row['duration']) * 1_000,
        buy_price: positive(row['price']),
        call_id: row['id'],
        parent_leg_id: row['parent_call_id'],
      })
    }
  })

  test('messages: all of them, without the body', (context) => {
    needs(context, seeds)
    const rows = rowsOf('message')
    const { inputs, rejects, of } = read('messages', rows)
    expect([inputs, rejects.length]).toEqual([rows.length, 0])
    for (const row of rows) {
      const message = of(row, 'messages')!
      expect(message).toMatchObject({
        direction: row['direction']!.split('-')[0],
        from_number: row['from'],
        to_number: row['to'],
        created_at: ms(row['created_at']),
        sent_at: ms(row['date_sent']),
        status: row['status'],
        error_code: row['error_code'],
        campaign: row['messaging_service_sid'],
        segments: Number(row['num_segments']),
        media_count: Number(row['num_media']),
        price: positive(row['price']),
        currency: row['price_unit'],
      })
      expect(message['payload']).not.toContain(row['body'])
    }
  })

  test('usage: prices that are no numbers are dead letters, the rest is by category and day', (context) => {
    needs(context, seeds)
    const rows = rowsOf('usage_record')
    const good = rows.filter((row) => /^\d+(\.\d+)?$/.test(row['price']!))
    const { inputs, rejects, of } = read('usage', rows)
    expect(inputs).toBe(rows.length)
    expect(rejects.map(({ code }) => code)).toEqual(rows.slice(good.length).map(() => 'field_invalid'))
    expect(rejects.length).toBeGreaterThan(0)
    for (const row of good)
      expect(of(row, 'usage')).toMatchObject({
        account_id: row['account_id'],
        category: row['category'],
        day: row['start_date'],
        quantity: Number(row['usage']),
        unit: row['usage_unit'],
        price: row['price'],
        currency: row['price_unit']!.toUpperCase(),
        as_of: ms(row['as_of']),
      })
  })

  test('numbers', (context) => {
    needs(context, seeds)
    const rows = rowsOf('incoming_phone_number')
    const { rejects, of } = read('numbers', rows)
    expect(rejects).toEqual([])
    for (const row of rows)
      expect(of(row, 'numbers')).toMatchObject({ number: row['phone_number'], label: row['friendly_name'], valid_from: ms(row['created_at']) })
  })
})
