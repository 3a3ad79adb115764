import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { amountOf, costOf, countOf, secondsOf, twilioTime } from './values.ts'

test('an RFC 2822 time is the moment it says, whatever its zone, however often', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(2148, 0, 1) / 1_000 }), fc.integer({ min: -14 * 60, max: 14 * 60 }), (seconds, zone_minutes) => {
      const ms = seconds * 1_000
      const local_ms = ms + zone_minutes * 60_000
      if (local_ms < 0) return
      const zone = `${zone_minutes < 0 ? '-' : '+'}${String(Math.floor(Math.abs(zone_minutes) / 60)).padStart(2, '0')}${String(Math.abs(zone_minutes) % 60).padStart(2, '0')}`
      const text = new Date(local_ms).toUTCString()
      expect(twilioTime(text.replace('GMT', zone))).toBe(ms)
      expect(twilioTime(new Date(ms).toUTCString().replace('GMT', '+0000'))).toBe(ms)
      expect(twilioTime(new Date(ms).toUTCString().replace('GMT', '+0000'))).toBe(ms)
    }),
  )
})

test.each([
  ['Fri, 18 Oct 2019 17:00:00'],
  ['Fri, 30 Feb 2026 17:00:00 +0000'],
  ['Fri, 18 Oct 2019 24:00:00 +0000'],
  ['Fri, 18 Oct 2019 17:60:00 +0000'],
  ['Fri, 18 Oct 2019 1x:00:00 +0000'],
  ['Fri, 18 Okt 2019 17:00:00 +0000'],
  ['2019-10-18 17:00:00'],
  ['1571418000'],
  [''],
])('%s is no time, also after its day was seen', (text) => {
  expect(twilioTime('Fri, 18 Oct 2019 17:00:00 +0000')).toBe(Date.UTC(2019, 9, 18, 17))
  expect(twilioTime(text)).toBeUndefined()
})

describe('numbers that come as strings', () => {
  test.each([
    ['-0.00850', '0.00850'],
    ['0', '0'],
    ['-0.0', '0'],
    [null, null],
    ['', null],
    [-0.05, '0.050000'],
    ['0.04', '-0.04'],
  ])('a price of %s costs %s', (price, cost) => {
    expect(costOf({ price }, 'price')).toBe(cost)
  })

  test.each(['$0.05', '0.01x', 'NaN', '1e3', '0.1234567', NaN, {}])('%s is no amount', (price) => {
    expect(() => amountOf({ price }, 'price')).toThrow('price')
  })

  test.each(['-1', '1.5', 'twelve', -1, 1.5, {}, '99999999999'])('%s is no duration', (duration) => {
    expect(() => secondsOf({ duration }, 'duration')).toThrow('duration')
  })

  test('seconds and counts', () => {
    expect([secondsOf({ d: '60' }, 'd'), secondsOf({ d: 60 }, 'd'), secondsOf({ d: '' }, 'd'), countOf({ d: '0' }, 'd')]).toEqual([
      60_000,
      60_000,
      null,
      0,
    ])
  })
})
