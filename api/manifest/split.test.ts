/** Splits: stable, by customer, and of the promised sizes. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { linesOf } from './lines.ts'
import { splitOf } from './split.ts'

const of = (customer_number: string, call_id = 'c') => splitOf('seed', { customer_number, call_id, source_id: 's' })

it('keeps a customer in one part, whatever the call', () => {
  fc.assert(fc.property(fc.string({ minLength: 1 }), fc.string(), fc.string(), (customer, a, b) => of(customer, a) === of(customer, b)))
})

it('never moves: these are written down', () => {
  expect(
    ['+491', '+492', '+493', '+494', '+495', '+496', '+497', '+498', '+499', '+4910'].map((customer) => of(customer)).join(' '),
  ).toMatchInlineSnapshot(`"train train train train train validation train train train test"`)
})

it('is 80/10/10, for recordings without a number too', () => {
  for (const split of [(i: number) => of(`+49${i}`), (i: number) => of('', `call-${i}`)]) {
    const counts = { train: 0, validation: 0, test: 0 }
    for (let i = 0; i < 20_000; i++) counts[split(i)]++
    expect(counts.train / 20_000).toBeCloseTo(0.8, 1)
    expect(counts.validation / 20_000).toBeCloseTo(0.1, 1)
  }
})

it('splits lines at line feeds only, wherever the chunks end', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: fc.constantFrom('a', '"', '\u2028', 'ü', '\r', '😀'), minLength: 1 })),
      fc.integer({ min: 1, max: 7 }),
      async (lines, size) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
        const chunks = async function* () {
          for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
        }
        const read: string[] = []
        for await (const line of linesOf(chunks())) read.push(line)
        expect(read).toEqual(lines)
      },
    ),
  )
})
