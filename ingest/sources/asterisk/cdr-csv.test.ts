/** CDR rows: quoting, columns, and local times in the hours that clocks skip and repeat. */
import fc from 'fast-check'
import { DateTime } from 'luxon'
import { describe, expect, it } from 'vitest'
import { assembleCdr } from './cdr-assembler.ts'
import { parseCdrLine } from './cdr-csv.ts'
import { isKnownCdrCustom, parseCdrCustomLine } from './cdr-custom.ts'
import { splitCsvLine } from './csv-line.ts'
import { LocalTimes } from './local-time.ts'

const quote = (text: string | number) => (typeof text === 'number' ? String(text) : `"${text.replaceAll('"', '""')}"`)
const utc = new LocalTimes('UTC')

interface Row {
  start: string
  answer?: string
  end: string
  duration: number
  bill?: number
  unique_id?: string
  columns?: 18 | 21
}
function cdr({ start, answer = '', end, duration, bill = 0, unique_id = 'pbx-1.9', columns = 21 }: Row): string {
  const fields = [
    '',
    '+15550001111',
    '100',
    'inbound',
    '"O\\"Brien, Pat" <+15550001111>',
    'PJSIP/a-1',
    '',
    'Queue',
    'support,tT,,,30',
    start,
    answer,
    end,
    duration,
    bill,
    'ANSWERED',
    'DOCUMENTATION',
    unique_id,
    '',
  ]
  return [...fields, ...(columns === 21 ? ['', 'pbx-1.1', 5] : [])].map(quote).join(',')
}

describe('splitting a row', () => {
  it('reads quotes, commas and backslashes as Asterisk writes them', () => {
    expect(splitCsvLine('"","""O\\""Brien, Pat"" <+1>",,6,"a""b",')).toEqual(['', '"O\\"Brien, Pat" <+1>', '', '6', 'a"b', ''])
    expect([splitCsvLine('"a'), splitCsvLine('"a"b,c'), splitCsvLine('"a""')]).toEqual([undefined, undefined, undefined])
    expect(splitCsvLine('')).toEqual([''])
  })

  it('gives back whatever was quoted', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), (fields) => {
        expect(splitCsvLine(fields.map(quote).join(','))).toEqual(fields)
      }),
    )
  })
})

describe('a row of Master.csv', () => {
  it('has 18 columns or 21', () => {
    const row = {
      start: '2026-11-23 01:13:23',
      answer: '2026-11-23 01:13:24',
      end: '2026-11-23 01:13:29',
      duration: 6,
      bill: 5,
      unique_id: 'pbx-1795396403.4',
    }
    expect(parseCdrLine(cdr(row), utc)).toMatchObject({
      started_ms: 1_795_396_403_000,
      answered_ms: 1_795_396_404_000,
      ended_ms: 1_795_396_409_000,
      bill_ms: 5000,
      linked_id: 'pbx-1.1',
      sequence: 5,
    })
    expect(parseCdrLine(cdr({ ...row, columns: 18 }), utc)).toMatchObject({ linked_id: '', sequence: undefined })
    expect(parseCdrLine('"a","b"', utc)).toMatchObject({ code: 'too_few_fields' })
    expect(parseCdrLine(`${cdr(row)},x`, utc)).toMatchObject({ code: 'field_invalid' })
    expect(parseCdrLine(cdr({ ...row, start: '2026-02-30 01:13:23' }), utc)).toMatchObject({ code: 'field_invalid' })
    expect(parseCdrLine(cdr({ ...row, unique_id: '' }), utc)).toMatchObject({ code: 'identity_missing' })
  })

  it('without a sequence is told apart by its text', () => {
    const row = { start: '2026-11-23 01:13:23', end: '2026-11-23 01:13:29', duration: 6, columns: 18 as const }
    const assembler = assembleCdr((line) => parseCdrLine(line, utc), 1)
    for (const line of [cdr(row), cdr({ ...row, bill: 3 }), cdr(row)]) expect(assembler.take(line)).toBeUndefined()
    expect(new Set(assembler.drain().map((item) => item.record.native_id)).size).toBe(3)
  })
})

describe('local times', () => {
  const berlin = new LocalTimes('Europe/Berlin')

  it('knows both meanings of a repeated time, and reads on in a skipped hour', () => {
    expect(berlin.instants('2026-10-25 02:30:00').map((ms) => new Date(ms).toISOString())).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-25T01:30:00.000Z',
    ])
    expect(berlin.instants('2026-10-25 03:00:00').length).toBe(1)
    expect(berlin.instants('2026-03-29 02:30:00').map((ms) => new Date(ms).toISOString())).toEqual(['2026-03-29T01:30:00.000Z'])
    expect(new LocalTimes('Australia/Lord_Howe').instants('2026-04-05 01:45:00').length).toBe(2)
    expect(new LocalTimes('Australia/Lord_Howe').instants('2026-04-05 01:15:00').length).toBe(1)
  })

  const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/St_Johns', 'Asia/Kolkata']
  const changes = ['2026-10-25T00:00:00Z', '2026-11-01T05:00:00Z', '2026-04-04T15:00:00Z', '2026-03-29T01:00:00Z', '2026-03-08T07:00:00Z'].map(
    (iso) => Date.parse(iso) / 1000,
  )

  it('finds the instants of calls around every change of the clocks, from what else the row says', () => {
    const call = fc.record({
      zone: fc.constantFrom(...zones),
      start: fc.constantFrom(...changes).chain((change) => fc.integer({ min: change - 10_000, max: change + 10_000 })),
      wait: fc.integer({ min: 0, max: 5000 }),
      talk: fc.integer({ min: 0, max: 9000 }),
    })
    fc.assert(
      fc.property(call, ({ zone, start, wait, talk }) => {
        const local = (s: number) => DateTime.fromSeconds(s, { zone }).toFormat('yyyy-MM-dd HH:mm:ss')
        const [answer, end] = [start + wait, start + wait + talk]
        const line = cdr({
          start: local(start),
          answer: local(answer),
          end: local(end),
          duration: wait + talk,
          bill: talk,
          unique_id: `pbx-${start}.7`,
        })
        expect(parseCdrLine(line, new LocalTimes(zone))).toMatchObject({ started_ms: start * 1000, answered_ms: answer * 1000, ended_ms: end * 1000 })
      }),
      { numRuns: 500 },
    )
  })

  it('takes the earlier meaning when the unique id has no time in it', () => {
    expect(parseCdrLine(cdr({ start: '2026-10-25 02:30:00', end: '2026-10-25 02:30:10', duration: 10, unique_id: 'abc' }), berlin)).toMatchObject({
      started_ms: Date.parse('2026-10-25T00:30:00Z'),
      ended_ms: Date.parse('2026-10-25T00:30:10Z'),
    })
  })
})

describe('a row of the known custom file', () => {
  const row =
    '"1795396417","anonymous","103","1795396413.739381","0.000000","1795396417.761129","4.021748","0.000000","FAILED","pbx1-1795396413.26","pbx1-1795396413.23","21"'

  it('has milliseconds, and no answer where the PBX writes zero', () => {
    expect(parseCdrCustomLine(row)).toMatchObject({ started_ms: 1_795_396_413_739, answered_ms: null, ended_ms: 1_795_396_417_761, sequence: 21 })
  })

  it('is not mistaken for another format', () => {
    expect(isKnownCdrCustom(row)).toBe(true)
    expect([
      isKnownCdrCustom('"a","b"'),
      isKnownCdrCustom(`${row},"x"`),
      isKnownCdrCustom(row.replace('1795396413.739381', '2026-11-23 01:13:33')),
    ]).toEqual([false, false, false])
  })

  it('whose times are more than a year apart is refused as a line, since no record may be', () => {
    const assembler = assembleCdr(parseCdrCustomLine, 2)
    expect(assembler.take(row.replace('1795396413.739381', '1595396413.739381'))).toMatchObject({ code: 'field_invalid' })
    expect(assembler.take(row)).toBeUndefined()
    expect(assembler.drain()).toHaveLength(1)
  })
})
