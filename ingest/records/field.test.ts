import { expect, test } from 'vitest'
import { day } from './field.ts'

test('a day that a Date column cannot hold is refused', () => {
  const { encode } = day()
  for (const good of ['1970-01-01', '2028-02-29', '2148-12-31']) expect(encode(good)).toBe(good)
  for (const bad of ['1969-12-31', '2149-06-07', '9999-12-31', '0001-01-01', '2026-02-29', '2026-1-1', '2026-11-23T00:00:00Z', 20_000])
    expect(() => encode(bad), String(bad)).toThrow('is not a calendar day')
})
