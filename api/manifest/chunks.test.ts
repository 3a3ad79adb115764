/** Chunks hold every day once, in order, and never more recordings than allowed. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { chunksOf } from './chunks.ts'

it('covers every day exactly once, in bounded chunks', () => {
  const counts = fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 40 })
  fc.assert(
    fc.property(counts, fc.integer({ min: 1, max: 30 }), (recordings, most) => {
      const days = recordings.map((count, i) => ({ anchor_day: String(i).padStart(3, '0'), recordings: count }))
      const chunks = chunksOf(days, most)
      const whole = chunks.filter(({ part }) => part === 0).flatMap(({ anchor_days }) => anchor_days)
      expect(whole).toEqual(days.map(({ anchor_day }) => anchor_day))
      for (const { anchor_days, part, parts } of chunks) {
        const size = anchor_days.reduce((sum, day) => sum + recordings[Number(day)]!, 0)
        expect(size / parts).toBeLessThanOrEqual(most)
        expect(part).toBeLessThan(parts)
        if (parts > 1) expect(anchor_days).toHaveLength(1)
      }
      for (const { anchor_days, parts } of chunks.filter((chunk) => chunk.parts > 1))
        expect(chunks.filter((chunk) => chunk.anchor_days[0] === anchor_days[0]).map(({ part }) => part)).toEqual(
          Array.from({ length: parts }, (_, i) => i),
        )
    }),
  )
})
