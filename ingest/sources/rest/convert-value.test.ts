/** Times, zones, durations and amounts, with what must not pass. */
import fc from 'fast-check'
import { DateTime } from 'luxon'
import { expect, test } from 'vitest'
import { convertValue } from './convert-value.ts'
import type { Mapping } from './language.ts'

const time = (value: unknown, mapping: Mapping = {}) => convertValue(value, 'time', mapping)
const berlin = { zone: 'Europe/Berlin' }

test.each<[unknown, Mapping, number]>([
  ['2026-03-01T10:00:00Z', {}, Date.UTC(2026, 2, 1, 10)],
  ['2026-03-01T10:00:00+02:00', {}, Date.UTC(2026, 2, 1, 8)],
  ['2026-03-01 10:00:00', berlin, Date.UTC(2026, 2, 1, 9)],
  ['2026-07-01T10:00:00.25', berlin, Date.UTC(2026, 6, 1, 8, 0, 0, 250)],
  ['2026-03-01 10:00:00 UTC', {}, Date.UTC(2026, 2, 1, 10)],
  [1_772_355_600, { format: 'epoch_s' }, 1_772_355_600_000],
  ['1772355600.5', { format: 'epoch_s' }, 1_772_355_600_500],
  [1_772_355_600_123, { format: 'epoch_ms' }, 1_772_355_600_123],
  ['01.03.2026 10:00', { format: 'dd.MM.yyyy HH:mm', ...berlin }, Date.UTC(2026, 2, 1, 9)],
  ['01/Mar/2026:10:00:00 +0100', { format: 'dd/MMM/yyyy:HH:mm:ss ZZZ' }, Date.UTC(2026, 2, 1, 9)],
  // The hour that Berlin had twice.
  ['2026-10-25 02:30:00', { ...berlin, ambiguous: 'earlier' }, Date.UTC(2026, 9, 25, 0, 30)],
  ['2026-10-25 02:30:00', { ...berlin, ambiguous: 'later' }, Date.UTC(2026, 9, 25, 1, 30)],
  // The hour it never had counts on from the one before.
  ['2026-03-29 02:30:00', { ...berlin, ambiguous: 'earlier' }, Date.UTC(2026, 2, 29, 1, 30)],
])('%s is a time (%j)', (value, mapping, expected) => {
  expect(time(value, mapping)).toBe(expected)
})

test.each<[unknown, Mapping, string]>([
  ['2026-03-01T10:00:00', {}, 'without a zone'],
  ['2026-10-25 02:30:00', berlin, 'had twice'],
  ['2026-03-29 02:30:00', berlin, 'never had'],
  ['2026-02-31 10:00:00', berlin, 'not a time'],
  ['soon', {}, 'not an ISO 8601 time'],
  ['soon', { format: 'epoch_s' }, 'not a number'],
  [-5, { format: 'epoch_s' }, 'between 1970 and 2149'],
  [1_772_355_600_000, { format: 'epoch_s' }, 'between 1970 and 2149'],
  [1_772_355_600, {}, 'not a time'],
  ['1.3.26', { format: 'dd.MM.yyyy HH:mm', ...berlin }, 'not a time of the format'],
])('%s is no time (%j)', (value, mapping, reason) => {
  expect(() => time(value, mapping)).toThrow(reason)
})

test('a wall clock’s time outside of doubled hours is the instant its zone says', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4_000_000 }),
      fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu'),
      (minutes, zone) => {
        const instant = DateTime.fromMillis(Date.UTC(2020, 0, 1) + minutes * 60_000, { zone })
        const wall = instant.toFormat('yyyy-MM-dd HH:mm:ss')
        const [earlier, later] = (['earlier', 'later'] as const).map((ambiguous) => time(wall, { zone, ambiguous }))
        expect([earlier, later]).toContain(instant.toMillis())
        if (earlier === later) expect(time(wall, { zone })).toBe(instant.toMillis())
      },
    ),
  )
})

test.each<[unknown, Mapping['unit'], number]>([
  [12, 's', 12_000],
  ['1.25', 'min', 75_000],
  ['1:02:03', 'clock', 3_723_000],
  ['02:03', 'clock', 123_000],
  [1_500, 'us', 2],
  [0.5, 'h', 1_800_000],
])('%s %s is a duration', (value, unit, ms) => {
  expect(convertValue(value, 'duration', { unit })).toBe(ms)
})

test.each<[unknown, Mapping['unit']]>([
  [-1, 's'],
  ['-1', 's'],
  ['', 's'],
  ['12 s', 's'],
  ['0x10', 's'],
  [true, 's'],
  ['1:99', 'clock'],
  [Infinity, 's'],
])('%j %s is no duration', (value, unit) => {
  expect(() => convertValue(value, 'duration', { unit })).toThrow()
})

test('cents are exact, whatever a double would make of them', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }), (cents) => {
      const text = String(convertValue(String(cents), 'money', { unit: 'cents' }))
      const [, sign = '', units = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text)!
      expect(BigInt(`${sign}${units}${fraction.padEnd(2, '0')}`)).toBe(cents)
    }),
  )
  expect(convertValue(2.4, 'money', { unit: 'cents' })).toBe('0.024')
  expect(convertValue('0.0', 'money', { unit: 'cents' })).toBe('0')
  expect(() => convertValue('1,5', 'money', {})).toThrow('not an amount')
})

test('a number that no double holds is no id, and an object no text', () => {
  expect(() => convertValue(2 ** 60, 'text', {})).toThrow('too large')
  expect(() => convertValue({}, 'text', {})).toThrow('not a text')
  expect(convertValue('false', 'boolean', {})).toBe(false)
  expect(() => convertValue(0, 'boolean', {})).toThrow()
})
