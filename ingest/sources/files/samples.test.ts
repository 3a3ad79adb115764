/** Files that others made, mapped: every row is a record or a dead letter, and every mapped field is what the row says. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { filesRun, type Pulled } from './test-pull.ts'

const samples = join(import.meta.dirname, '../../../../shared/samples')
const seeds = join(samples, 'dbt-twilio/integration_tests/seeds')
const interactions = join(samples, 'bandicoot')

const when = (from: string, is: string) => [{ from, is }]
const byId = ({ records }: Pulled, id: string) => records.find(({ record }) => record.native_id === id)?.record
const tally = <T>(list: readonly T[], key: (one: T) => string): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const one of list) counts[key(one)] = (counts[key(one)] ?? 0) + 1
  return counts
}
const reasons = ({ rejects }: Pulled) => rejects.map(({ position, reason }) => [position.split('@')[0], reason])

describe('tables of a Twilio account', () => {
  const pull = async (file: string, mapping: unknown): Promise<Pulled> => {
    const { pull } = filesRun({ path: join(seeds, file), mapping })
    const pulled = await pull()
    expect(new Set([...pulled.records, ...pulled.rejects].map(({ position }) => position)).size).toBe(pulled.inputs)
    return pulled
  }
  const identity = { native_id: 'id', anchor_at: 'created_at', version: { from: 'updated_at', format: 'iso' } }

  test('calls: nine rows, one of them on 30 February', async (context) => {
    if (!existsSync(seeds)) return context.skip('the dbt-twilio sample is not here')
    const pulled = await pull('twilio_call_data.csv', {
      ...identity,
      entity: 'calls',
      fields: {
        direction: { from: 'direction', map: { inbound: 'inbound', 'outbound-api': 'outbound', 'outbound-dial': 'outbound' } },
        from_number: 'from',
        to_number: 'to',
        started_at: 'start_time',
        ended_at: 'end_time',
        disposition: { from: 'status', map: { completed: 'answered', canceled: 'abandoned', 'no-answer': 'no_answer' } },
        talk_ms: { from: 'duration', unit: 's' },
        trunk_id: 'trunk_id',
        cost: 'price',
        currency: 'price_unit',
      },
    })
    expect([pulled.inputs, pulled.records.length]).toEqual([9, 8])
    expect(reasons(pulled)).toEqual([['twilio_call_data.csv:5', expect.stringMatching(/^anchor_at is not a time/)]])
    expect(tally(pulled.records, ({ record }) => (record as { disposition: string }).disposition)).toEqual({ abandoned: 2, answered: 6 })
    const { payload, ...last } = byId(pulled, 'CA77fa61551bbe30f4c2ezb495a6ebf243')!
    expect(last).toEqual({
      native_id: 'CA77fa61551bbe30f4c2ezb495a6ebf243',
      anchor_at: Date.UTC(2022, 10, 3, 15, 12, 20),
      version: Date.UTC(2022, 10, 3, 15, 12, 21),
      is_deleted: false,
      direction: 'inbound',
      from_number: '15555555555',
      to_number: '15555555555',
      started_at: Date.UTC(2022, 10, 3, 15, 12, 21),
      ended_at: Date.UTC(2022, 10, 3, 15, 12, 21),
      disposition: 'answered',
      talk_ms: 0,
      cost: '0',
      currency: 'USD',
    })
    expect(JSON.parse(payload!)).toMatchObject({ from_formatted: '(555) 555-5555', queue_time: '0', annotation: '' })
  })

  test('messages: prices keep their sign, and bodies are not kept', async (context) => {
    if (!existsSync(seeds)) return context.skip('the dbt-twilio sample is not here')
    const pulled = await pull('twilio_message_data.csv', {
      ...identity,
      entity: 'messages',
      fields: {
        direction: { from: 'direction', map: { 'outbound-api': 'outbound', inbound: 'inbound' } },
        from_number: 'from',
        to_number: 'to',
        created_at: 'created_at',
        sent_at: 'date_sent',
        status: 'status',
        error_code: 'error_code',
        segments: 'num_segments',
        media_count: 'num_media',
        price: 'price',
        currency: 'price_unit',
      },
    })
    expect([pulled.inputs, pulled.records.length, pulled.rejects.length]).toEqual([10, 10, 0])
    const { payload, ...first } = byId(pulled, 'SMce88ff89fc4a7c8cd5780c2a3f1fed7d')!
    expect(first).toEqual({
      native_id: 'SMce88ff89fc4a7c8cd5780c2a3f1fed7d',
      anchor_at: Date.UTC(2023, 4, 9, 23, 17, 40, 768),
      version: Date.UTC(2023, 0, 12, 16, 20, 49),
      is_deleted: false,
      direction: 'outbound',
      from_number: '15555555555',
      to_number: '15555555555',
      created_at: Date.UTC(2023, 4, 9, 23, 17, 40, 768),
      sent_at: Date.UTC(2023, 4, 9, 23, 17, 40, 768),
      status: 'delivered',
      segments: 2,
      media_count: 0,
      price: '-0.0158',
      currency: 'USD',
    })
    for (const { record } of pulled.records) expect(JSON.parse(record.payload!)).not.toHaveProperty('body')
    expect(payload).toContain('"num_segments":"2"')
  })

  test('usage: prices that are no numbers are dead letters', async (context) => {
    if (!existsSync(seeds)) return context.skip('the dbt-twilio sample is not here')
    const pulled = await pull('twilio_usage_record_data.csv', {
      entity: 'usage',
      native_id: '{account_id}/{category}/{start_date}',
      anchor_at: { template: '{start_date} 00:00', zone: 'UTC' },
      version: { from: 'as_of', format: 'iso' },
      fields: {
        account_id: 'account_id',
        category: 'category',
        day: 'start_date',
        quantity: 'usage',
        unit: 'usage_unit',
        price: 'price',
        currency: { from: 'price_unit', map: { usd: 'USD' } },
        as_of: 'as_of',
      },
    })
    expect([pulled.inputs, pulled.records.length]).toEqual([10, 8])
    expect(reasons(pulled)).toEqual([
      ['twilio_usage_record_data.csv:6', 'price is not an amount'],
      ['twilio_usage_record_data.csv:7', 'price is not an amount'],
    ])
    expect(byId(pulled, 'Ad2343b352c5e4fc50653232323/mms/2022-07-13')).toMatchObject({
      anchor_at: Date.UTC(2022, 6, 13),
      version: Date.UTC(2023, 4, 9, 23, 11),
      account_id: 'Ad2343b352c5e4fc50653232323',
      category: 'mms',
      day: '2022-07-13',
      quantity: 5,
      unit: 'segments',
      price: '0.05',
      currency: 'USD',
      as_of: Date.UTC(2023, 4, 9, 23, 11),
    })
  })

  test('numbers, and names for caller ids', async (context) => {
    if (!existsSync(seeds)) return context.skip('the dbt-twilio sample is not here')
    const numbers = await pull('twilio_incoming_phone_number_data.csv', {
      ...identity,
      entity: 'numbers',
      fields: { number: 'phone_number', label: 'friendly_name', trunk_id: 'trunk_id', valid_from: 'created_at' },
    })
    expect([numbers.inputs, numbers.rejects]).toEqual([1, []])
    expect(byId(numbers, 'PNb15cff82e219b89cfe1cddbc31bz3c84')).toMatchObject({
      number: '+15555555555',
      label: '(555) 555-5555',
      valid_from: Date.UTC(2022, 2, 15, 1, 45, 51),
    })
    const contacts = await pull('twilio_outgoing_caller_id_data.csv', {
      ...identity,
      entity: 'contacts',
      fields: { number: 'phone_number', name: 'friendly_name', external_id: 'id' },
    })
    expect([contacts.inputs, contacts.records.length]).toEqual([3, 3])
    const first = byId(contacts, 'PNd7b72b5139b563564a37c3661ezea947')
    expect(first).toMatchObject({
      name: '(555) 555-5555',
      external_id: 'PNd7b72b5139b563564a37c3661ezea947',
      anchor_at: Date.UTC(2022, 3, 1, 1, 15, 26),
    })
  })

  test('tables that no record is made of are dead letters with all their columns', async (context) => {
    if (!existsSync(seeds)) return context.skip('the dbt-twilio sample is not here')
    for (const [table, columns] of [
      ['account_history', 8],
      ['address', 15],
      ['messaging_service', 23],
    ] as const) {
      const mapping = { entity: 'users', when: when('id', 'nobody'), fields: { user_id: 'id' } }
      const { inputs, records, rejects } = await pull(`twilio_${table}_data.csv`, mapping)
      expect([inputs, records, rejects.length]).toEqual([1, [], 1])
      expect(rejects[0]).toMatchObject({ code: 'unmatched' })
      expect(Object.keys(JSON.parse(rejects[0]!.payload) as object)).toHaveLength(columns)
    }
  })
})

describe("a phone's own records", () => {
  const identity = { anchor_at: { from: 'datetime', zone: 'America/New_York' } }
  const direction = { from: 'direction', map: { in: 'inbound', out: 'outbound' } }
  const mapping = {
    zone: 'America/New_York',
    ambiguous: 'earlier',
    records: [
      {
        ...identity,
        entity: 'calls',
        when: when('interaction', 'call'),
        fields: {
          direction,
          from_number: { from: 'correspondent_id', when: when('direction', 'in'), empty: [' '] },
          to_number: { from: 'correspondent_id', when: when('direction', 'out') },
          started_at: 'datetime',
          disposition: { const: 'answered' },
          talk_ms: { from: 'call_duration', unit: 's' },
        },
      },
      {
        ...identity,
        entity: 'messages',
        when: when('interaction', 'text'),
        fields: { direction, created_at: 'datetime', status: { from: 'direction', map: { in: 'received', out: 'sent' } } },
      },
    ],
  }
  const load = async (file: string, options: object = {}): Promise<Pulled> => {
    const pulled = await filesRun({ path: join(interactions, file), mapping, ...options }).pull()
    expect(pulled.records.length + pulled.rejects.length).toBe(pulled.inputs)
    return pulled
  }
  const kinds = (pulled: Pulled) => tally(pulled.records, ({ entity, record }) => `${entity} ${(record as { direction: string }).direction}`)

  test('small ones, row by row', async (context) => {
    if (!existsSync(interactions)) return context.skip('the bandicoot sample is not here')
    const [a, b, ego, network] = await Promise.all([
      load('bandicoot/tests/samples/manual/A.csv'),
      load('bandicoot/tests/samples/manual/B.csv'),
      load('bandicoot/tests/samples/network/ego.csv'),
      load('bandicoot/tests/samples/network/A.csv'),
    ])
    expect([a, b, ego, network].map(({ inputs, rejects }) => [inputs, rejects.length])).toEqual([
      [7, 0],
      [7, 0],
      [16, 0],
      [6, 0],
    ])
    expect(a.records[1]).toMatchObject({
      entity: 'calls',
      record: {
        native_id: expect.stringMatching(/^A\.csv:\d+$/),
        anchor_at: Date.UTC(2014, 7, 22, 0, 31, 42),
        direction: 'outbound',
        to_number: 'B',
        started_at: Date.UTC(2014, 7, 22, 0, 31, 42),
        disposition: 'answered',
        talk_ms: 542_000,
      },
    })
    expect(a.records[1]!.record).not.toHaveProperty('from_number')
    expect(a.records[2]).toMatchObject({
      entity: 'messages',
      record: { direction: 'inbound', status: 'received', created_at: Date.UTC(2014, 7, 22, 1, 10, 31) },
    })
    // The last two rows are the same text at the same time: two messages all the same.
    expect(new Set(ego.records.map(({ record }) => record.native_id)).size).toBe(16)
  })

  test('rows that are to be refused are, each for its own reason', async (context) => {
    if (!existsSync(interactions)) return context.skip('the bandicoot sample is not here')
    const pulled = await load('bandicoot/tests/samples/user_ignored.csv')
    expect(reasons(pulled)).toEqual([
      ['user_ignored.csv:3', 'direction is none of the values its mapping knows'],
      ['user_ignored.csv:4', 'fits the conditions of none of the records in the mapping'],
      ['user_ignored.csv:5', 'fits the conditions of none of the records in the mapping'],
    ])
    expect(pulled.records.map(({ record }) => record)).toMatchObject([{ talk_ms: 0 }, { from_number: 'alice' }])
    expect(pulled.records[0]!.record).not.toHaveProperty('from_number')
  })

  test('months of one person', async (context) => {
    if (!existsSync(interactions)) return context.skip('the bandicoot sample is not here')
    const pulled = await load('demo/data/ego.csv')
    expect([pulled.inputs, pulled.rejects.length]).toEqual([314, 0])
    expect(kinds(pulled)).toEqual({ 'calls inbound': 44, 'calls outbound': 31, 'messages inbound': 166, 'messages outbound': 73 })
  })

  test('codes between semicolons, without a header', async (context) => {
    if (!existsSync(interactions)) return context.skip('the bandicoot sample is not here')
    const codes = { from: 'record_type', map: { 1: 'outbound', 2: 'inbound' } }
    const pulled = await load('bandicoot/tests/samples/u_test.csv', {
      delimiter: 'auto',
      columns: ['record_type', 'service', 'own', 'other', 'datetime', 'duration', 'lat', 'lon'],
      mapping: {
        zone: 'America/New_York',
        ambiguous: 'earlier',
        records: [
          {
            entity: 'calls',
            anchor_at: 'datetime',
            when: when('service', '11'),
            fields: { direction: codes, started_at: 'datetime', disposition: { const: 'answered' }, talk_ms: { from: 'duration', unit: 's' } },
          },
          {
            entity: 'messages',
            anchor_at: 'datetime',
            when: [{ from: 'service', in: [21, 22] }],
            fields: { direction: codes, created_at: 'datetime', status: { const: 'sent' } },
          },
        ],
      },
    })
    expect([pulled.inputs, pulled.rejects.length]).toEqual([500, 0])
    expect(kinds(pulled)).toEqual({ 'calls outbound': 79, 'calls inbound': 76, 'messages outbound': 171, 'messages inbound': 174 })
    expect(pulled.records[1]?.record).toMatchObject({ started_at: Date.UTC(2013, 11, 16, 13, 30, 30), talk_ms: 126_000 })
  })
})
