/** Cursors survive the trip, and anything else is refused. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readCursor, writeCursor } from './cursor.ts'

const range = { from_ms: 1, to_ms: undefined }
const code = (run: () => unknown) => {
  try {
    return run()
  } catch (thrown) {
    return (thrown as { code: string }).code
  }
}

it('reads back what it wrote, whatever the ids', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (source_id, native_id) => {
      const position = { anchor_day: '2026-03-01', source_id, native_id }
      expect(readCursor('calls', range, writeCursor('calls', range, position))).toEqual(position)
    }),
  )
})

it('refuses everything else', () => {
  const cursor = writeCursor('calls', range, { anchor_day: '2026-03-01', source_id: 's', native_id: 'n' })
  expect(code(() => readCursor('users', range, cursor))).toBe('cursor_invalid')
  expect(code(() => readCursor('calls', { from_ms: 2, to_ms: undefined }, cursor))).toBe('cursor_invalid')
  expect(code(() => readCursor('calls', range, writeCursor('calls', range, { anchor_day: '2026-99-01', source_id: '', native_id: '' })))).toBe(
    'cursor_invalid',
  )
  fc.assert(fc.property(fc.string(), (text) => code(() => readCursor('calls', range, text)) === 'cursor_invalid'))
})
