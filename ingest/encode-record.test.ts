import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { columnsOf, encodeRecord, type Placement } from './encode-record.ts'
import type { Entity, Envelope } from './records/entity.ts'
import { timeToMs } from './records/field.ts'
import { entities } from './records/index.ts'
import { RowBuffer } from './row-buffer.ts'

const origin = { tenant_id: 't', source_id: 's', observed_at: '2026-11-23 00:00:00.000' }
const visit = {
  native_id: 'v1',
  anchor_at: '2026-11-20T10:00:00Z',
  version: 5,
  call_id: 'c1',
  queue_id: 'sales',
  entered_at: '2026-11-20T23:59:00Z',
  outcome: 'waiting',
}

/** The columns of a record's row, by name. */
function columns(record: Record<string, unknown>, at_least?: bigint, entity: Entity = entities.queue_visits): Record<string, string> {
  const rows = new RowBuffer()
  encodeRecord(entity, { ...(entity === entities.queue_visits && visit), ...record } as Envelope & Record<string, unknown>, origin, rows, at_least)
  const values = rows.toBuffer().toString().replace(/\n$/, '').split('\t')
  return Object.fromEntries(columnsOf(entity).map((name, at) => [name, values[at]!]))
}
function versionOf(record: Record<string, unknown>, at_least?: bigint): bigint {
  return BigInt(columns(record, at_least)['version']!)
}
const place = (entity: Entity, record: object): Placement =>
  encodeRecord(entity, record as Envelope & Record<string, unknown>, origin, new RowBuffer())

describe('identity', () => {
  test('a record without an id, or with a version that is no number, is refused', () => {
    expect(() => columns({ native_id: '' })).toThrow('native_id is required')
    expect(() => columns({ version: 1.5 })).toThrow('version')
    expect(() => columns({ version: 2 ** 43 })).toThrow('version')
  })

  test('a higher source version always wins, whatever the content', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 42), fc.nat(1000), fc.string(), fc.string(), (version, more, a, b) => {
        expect(versionOf({ version, call_id: `x${a}` })).toBeLessThan(versionOf({ version: version + 1 + more, call_id: `x${b}` }))
      }),
    )
  })

  test('of two contents under one version the same wins whichever comes first, and a tombstone beats both', () => {
    fc.assert(
      fc.property(fc.string(), (a) => {
        expect(versionOf({ call_id: `x${a}` })).toBe(versionOf({ call_id: `x${a}` }))
        expect(versionOf({ call_id: `x${a}` })).toBeLessThan(versionOf({ is_deleted: true }))
      }),
    )
    expect(versionOf({ call_id: 'a' })).not.toBe(versionOf({ call_id: 'b' }))
  })

  test('a stored version is the source version shifted, to the last digit, and never below the least it is given', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 43 - 1), fc.bigInt(0n, 2n ** 63n), (version, least) => {
        const stored = versionOf({ version })
        expect(stored >> 20n).toBe(BigInt(version))
        expect(versionOf({ version }, least)).toBe(stored > least ? stored : least)
      }),
    )
  })

  test('the anchor decides the day it is stored under; none means 1970-01-01', () => {
    expect(columns({})['anchor_day']).toBe('2026-11-20')
    expect(columns({ anchor_at: undefined })['anchor_day']).toBe('1970-01-01')
    expect(columns({ anchor_at: '2026-11-20T23:30:00-05:00' })['anchor_day']).toBe('2026-11-21')
  })
})

describe('the days a record counts on', () => {
  const span = (record: object): unknown => {
    const { first_day, last_day } = place(entities.queue_visits, { ...visit, ...record })
    return [first_day, last_day]
  }

  test('from the first time that is set to the last', () => {
    expect(span({})).toEqual(['2026-11-20', '2026-11-20'])
    expect(span({ answered_at: '2026-11-21T00:00:30Z', exited_at: '2026-11-22T00:00:00Z' })).toEqual(['2026-11-20', '2026-11-22'])
  })

  test('a span no call can have is refused; a tombstone needs no times', () => {
    expect(() => span({ exited_at: '2028-01-01T00:00:00Z' })).toThrow('span more than 366 days')
    expect(place(entities.queue_visits, { native_id: 'v1', anchor_at: 0, version: 1, is_deleted: true }).first_day).toBeUndefined()
  })
})

describe('fields', () => {
  test.each([
    [{ wait_ms: -1 }, 'wait_ms is not between'],
    [{ wait_ms: 'long' }, 'wait_ms is not a whole number'],
    [{ entered_at: '2026-11-20 10:00:00' }, 'entered_at is not an ISO 8601 time with a zone'],
    [{ entered_at: '2026-02-31T10:00:00Z' }, 'entered_at is not a time'],
    [{ outcome: 'lost' }, 'outcome is not one of'],
    [{ call_id: undefined }, 'call_id is required'],
    [{ caller_number: {} }, 'caller_number is not a string'],
  ])('%j is refused: %s', (record, message) => {
    expect(() => columns(record)).toThrow(message)
  })

  test('money keeps every digit up to the sixth place and refuses more', () => {
    const charge = { native_id: 'c', version: 1, account_id: 'a', category: 'call', charged_at: 0, currency: 'EUR' }
    const amount = (value: unknown): unknown => columns({ ...charge, amount: value }, undefined, entities.charges)['amount']
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 17n), 10n ** 17n), (micros) => {
        const digits = (micros < 0n ? -micros : micros).toString().padStart(7, '0')
        const decimal = `${micros < 0n ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`
        expect(amount(decimal)).toBe(decimal)
      }),
    )
    expect(amount(0.1 + 0.2)).toBe('0.300000')
    expect(amount('0.0075000000')).toBe('0.007500')
    expect(() => amount('0.00000001')).toThrow('more than 6 decimal places')
    expect(() => amount('1e5')).toThrow('not a decimal')
    expect(() => amount('1234567890123')).toThrow('not a decimal')
  })

  test('a time keeps its instant whatever zone or form it comes in', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), fc.constantFrom(0, 60, -300, 345, 630), (ms, offset) => {
        const local = new Date(ms + offset * 60_000).toISOString().slice(0, -1)
        const zone = `${offset < 0 ? '-' : '+'}${String(Math.floor(Math.abs(offset) / 60)).padStart(2, '0')}:${String(Math.abs(offset) % 60).padStart(2, '0')}`
        const expected = new Date(ms).toISOString().replace('T', ' ').slice(0, -1)
        expect(columns({ entered_at: ms })['entered_at']).toBe(expected)
        expect(columns({ entered_at: new Date(ms).toISOString() })['entered_at']).toBe(expected)
        expect(columns({ entered_at: `${local}${zone}` })['entered_at']).toBe(expected)
      }),
    )
  })

  test('text that is not well-formed Unicode is mended, not fatal', () => {
    expect(columns({ caller_number: 'a\ud800b' })['caller_number']).toBe('a\ufffdb')
  })
})

test('a time to the millisecond is read like any other, however it is damaged', () => {
  const slowly = (text: string): number => (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) ? Date.parse(text) : NaN)
  const quickly = (text: string): number => {
    try {
      return timeToMs(text)
    } catch {
      return NaN
    }
  }
  const times = fc.integer({ min: 0, max: Date.UTC(2149, 0, 1) - 1 }).map((ms) => new Date(ms).toISOString())
  fc.assert(
    fc.property(times, (text) => quickly(text) === Date.parse(text)),
    { numRuns: 5_000 },
  )
  const damaged = fc
    .tuple(
      times,
      fc.nat(22),
      fc.nat(19).map((n) => '0123456789:-T. +Zx70'[n]!),
    )
    .map(([text, at, sign]) => text.slice(0, at) + sign + text.slice(at + 1))
  fc.assert(
    fc.property(damaged, (text) => {
      const ms = slowly(text)
      // Date.parse takes 31 February for 3 March, and years that no column holds.
      const is_real = new Date(ms).getUTCDate() === Number(text.slice(8, 10)) || text.slice(11, 13) === '24'
      expect(quickly(text)).toBe(is_real && ms >= 0 && ms < Date.UTC(2149, 0, 1) ? ms : NaN)
    }),
    { numRuns: 5_000 },
  )
})
