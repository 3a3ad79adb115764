/** CSV and NDJSON as they come: quotes, line ends, half rows, files that grow and files that are written anew. */
import { appendFileSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { CallhouseError } from '../../../errors.ts'
import type { FilesOptions } from './options.ts'
import { filesRun } from './test-pull.ts'

const root = mkdtempSync(join(tmpdir(), 'callhouse-files-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'))
})

const mapping = {
  entity: 'calls',
  native_id: 'id',
  anchor_at: { from: 'at', zone: 'Europe/Berlin' },
  version: { from: 'v' },
  fields: {
    direction: { from: 'dir', map: { in: 'inbound', out: 'outbound' } },
    disposition: { const: 'answered' },
    started_at: { from: 'at', zone: 'Europe/Berlin' },
    talk_ms: { from: 'secs', unit: 's' },
    cost: { from: 'cents', unit: 'cents' },
    hangup_cause: { from: 'note', default: 'none' },
  },
}
const HEADER = 'id,at,v,dir,secs,cents,note\n'
const row = (id: string, rest = '2026-03-01 10:00:00,1,in,90,250,'): string => `${id},${rest}\n`

function write(name: string, content: string | Buffer, modified_s = 1_800_000_000): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  utimesSync(path, modified_s, modified_s)
  return path
}

const ids = ({ records }: { records: { record: { native_id: string } }[] }): string[] => records.map(({ record }) => record.native_id)
const run = (options: Partial<FilesOptions> = {}) => filesRun({ path: folder, mapping, ...options })

function mistakesOf(options: Partial<FilesOptions>): string {
  try {
    run(options)
  } catch (thrown) {
    if (thrown instanceof CallhouseError && thrown.code === 'config_invalid') return thrown.message
    throw thrown
  }
  return ''
}

describe('a row', () => {
  test('becomes a record: times in their zone, units, enums, constants and defaults', async () => {
    write('a.csv', HEADER + row('c1') + row('c2', '2026-07-01 10:00:00,7,out,1.5,1,busy'))
    const { records, rejects, inputs } = await run().pull()
    expect(rejects).toEqual([])
    expect(inputs).toBe(2)
    expect(records.map(({ record }) => record)).toEqual([
      {
        native_id: 'c1',
        anchor_at: Date.UTC(2026, 2, 1, 9),
        version: 1,
        is_deleted: false,
        direction: 'inbound',
        disposition: 'answered',
        started_at: Date.UTC(2026, 2, 1, 9),
        talk_ms: 90_000,
        cost: '2.5',
        hangup_cause: 'none',
        payload: '{"id":"c1","at":"2026-03-01 10:00:00","v":"1","dir":"in","secs":"90","cents":"250","note":""}',
      },
      expect.objectContaining({
        native_id: 'c2',
        anchor_at: Date.UTC(2026, 6, 1, 8),
        version: 7,
        talk_ms: 1_500,
        cost: '0.01',
        hangup_cause: 'busy',
      }),
    ])
  })

  test('that does not fit is a reject with its file, line, byte and reason; the others are taken', async () => {
    const rows = [
      row('good'),
      row('negative', '2026-03-01 10:00:00,1,in,-1,250,'),
      row('word', '2026-03-01 10:00:00,1,in,soon,250,'),
      row('enum', '2026-03-01 10:00:00,1,sideways,1,250,'),
      row('feb', '2026-02-31 10:00:00,1,in,1,250,'),
      row('', '2026-03-01 10:00:00,1,in,1,250,'),
      'ragged,2026-03-01 10:00:00\n',
      row('ragged', '2026-03-01 10:00:00,1,in,1,250,note,more'),
      row('twice', '2026-10-25 02:30:00,1,in,1,250,'),
      row('never', '2026-03-29 02:30:00,1,in,1,250,'),
      row('last'),
    ]
    write('a.csv', HEADER + rows.join(''))
    const pulled = await run().pull()
    expect(ids(pulled)).toEqual(['good', 'last'])
    expect(pulled.inputs).toBe(rows.length)
    expect(pulled.rejects.map(({ position, code, reason }) => [position.split('@')[0], code, reason])).toEqual([
      ['a.csv:3', 'field_invalid', 'talk_ms is a negative duration'],
      ['a.csv:4', 'field_invalid', 'talk_ms is not a number'],
      ['a.csv:5', 'field_invalid', 'direction is none of the values its mapping knows'],
      ['a.csv:6', 'field_invalid', expect.stringContaining('anchor_at is not a time')],
      ['a.csv:7', 'identity_missing', 'native_id is missing'],
      ['a.csv:8', 'too_few_fields', 'has 2 fields where the file has 7 columns'],
      ['a.csv:9', 'field_invalid', 'has 8 fields where the file has 7 columns'],
      ['a.csv:10', 'field_invalid', 'anchor_at is a time its zone had twice; say which is meant (ambiguous)'],
      ['a.csv:11', 'field_invalid', 'anchor_at is a time its zone never had'],
    ])
  })

  test('with a local time is refused where no zone is declared, and taken where it is for the whole mapping', async () => {
    write('a.csv', HEADER + row('c1', '2026-10-25 02:30:00,1,in,1,250,'))
    const { zone: _, ...unzoned } = mapping.anchor_at
    const bare = { ...mapping, anchor_at: unzoned, fields: { ...mapping.fields, started_at: unzoned } }
    expect((await run({ mapping: bare }).pull()).rejects).toMatchObject([{ reason: 'anchor_at is a time without a zone; declare one (zone)' }])
    const earlier = await run({ mapping: { zone: 'source', ambiguous: 'earlier', records: [bare] }, time_zone: 'Europe/Berlin' }).pull()
    expect(earlier.records[0]?.record.anchor_at).toBe(Date.UTC(2026, 9, 25, 0, 30))
    const later = await run({ mapping: { zone: 'Europe/Berlin', ambiguous: 'later', records: bare } }).pull()
    expect(later.records[0]?.record.anchor_at).toBe(Date.UTC(2026, 9, 25, 1, 30))
  })

  test('without an id of its own is known by its file and byte, or by its text', async () => {
    const { native_id: _, version: _v, ...anonymous } = mapping
    write('a.csv', HEADER + row('x') + row('x'))
    const byPlace = await run({ mapping: anonymous }).pull()
    expect(ids(byPlace)).toEqual([`a.csv:${HEADER.length}`, `a.csv:${HEADER.length + row('x').length}`])
    expect(byPlace.records[0]?.record.version).toBe(1_800_000_000_000)
    const byText = ids(await run({ mapping: { ...anonymous, native_id: '{$hash}', version: '$line' } }).pull())
    expect(byText[0]).toBe(byText[1])
  })

  test('has members that are never stored: those named, and the body of a message', async () => {
    const message = {
      entity: 'messages',
      native_id: 'id',
      fields: { direction: { const: 'inbound' }, status: { const: 'received' }, created_at: { from: 'at', zone: 'UTC' } },
    }
    write('a.csv', 'id,at,body,secret\nm1,2026-01-01 00:00:00,hello,s3\nm2,never,hello,s3\nm3,hello\n')
    write('b.ndjson', '{"id":"m4","at":"2026-01-01 00:00:00","body":"hello","n":1.10,"secret":"s3"}\n{"id":"m5","body":"hello"\n')
    const pulled = await run({ mapping: { strip: ['secret'], records: [message] } }).pull()
    expect([pulled.inputs, pulled.records.length, pulled.rejects.length]).toEqual([5, 2, 3])
    expect(JSON.stringify(pulled)).not.toMatch(/hello|s3/)
    expect(pulled.records[1]?.record.payload).toBe('{"id":"m4","at":"2026-01-01 00:00:00","n":1.10}')
  })

  test('a dead letter is read again by itself, and a record where the mapping asks only for what is in it', () => {
    const { source } = run()
    const payload = '{"id":"c1","at":"2026-03-01 10:00:00","v":"3","dir":"in","secs":"90","cents":"250","note":""}'
    expect(source.reparse!({ entity: '', payload, position: 'a.csv:2@29' })).toMatchObject({
      records: [{ record: { native_id: 'c1', version: 3 } }],
      rejects: [],
    })
    const byPlace = run({ mapping: { ...mapping, native_id: '{$file}/{$line}' } }).source
    expect(byPlace.reparse!({ entity: '', payload, position: 'a.csv:2@29' })).toMatchObject({ records: [{ record: { native_id: 'a.csv/2' } }] })
    expect(byPlace.reparse!({ entity: 'calls', payload, native_id: 'a.csv/2', version: 3 })).toEqual({ records: [], rejects: [] })
  })
})

describe('a CSV', () => {
  test('may have a byte order mark, CRLF, blank lines, quoted line ends and quotes, and no last line end', async () => {
    const text =
      '\ufeff' + (HEADER + row('c1') + '\n' + 'c2,2026-03-01 10:00:00,1,in,90,250,"two\nlines, ""quoted"""\n' + row('c3')).replaceAll('\n', '\r\n')
    write('a.csv', text.trimEnd())
    const pulled = await run().pull()
    expect(pulled.rejects).toEqual([])
    expect(ids(pulled)).toEqual(['c1', 'c2', 'c3'])
    expect(pulled.records[1]?.record).toMatchObject({ hangup_cause: 'two\nlines, "quoted"' })
  })

  test('loses one row to a stray quote, and no more', async () => {
    write(
      'a.csv',
      HEADER + row('c1') + 'bad,"never closed\n' + row('c2') + row('c3', '2026-03-01 10:00:00,1,in,90,250,"fine"') + 'worse,"x"y\n' + row('c4'),
    )
    const pulled = await run().pull()
    expect(ids(pulled)).toEqual(['c1', 'c2', 'c3', 'c4'])
    expect(pulled.rejects.map(({ position, payload }) => [position.split('@')[0], payload])).toEqual([
      ['a.csv:3', 'bad,"never closed'],
      ['a.csv:6', 'worse,"x"y'],
    ])
    expect(pulled.inputs).toBe(6)
  })

  test('is cut by the declared delimiter, or by the one it is seen to have where that is declared', async () => {
    write('a.csv', (HEADER + row('c1')).replaceAll(',', ';'))
    expect(ids(await run({ delimiter: 'auto' }).pull())).toEqual(['c1'])
    expect(ids(await run({ delimiter: ';' }).pull())).toEqual(['c1'])
    const undeclared = await run().pull()
    expect([undeclared.records.length, undeclared.rejects.length]).toEqual([0, 1])
  })

  test('of Latin-1 is read where that is declared, and dead-lettered where it is not', async () => {
    const note = '2026-03-01 10:00:00,1,in,90,250,Zoë'
    write('a.csv', Buffer.from(HEADER + row('c1', note) + row('c2'), 'latin1'))
    expect((await run({ encoding: 'latin1' }).pull()).records[0]?.record).toMatchObject({ hangup_cause: 'Zoë' })
    const undeclared = await run().pull()
    expect(ids(undeclared)).toEqual(['c2'])
    expect(undeclared.rejects).toMatchObject([{ code: 'not_utf8' }])
  })

  test('with a column twice is refused; without a header it has the columns of the configuration', async () => {
    write('a.csv', 'id,id\n1,2\n')
    await expect(run().pull()).rejects.toMatchObject({ code: 'source_rejected', message: expect.stringContaining('"id" twice') })
    write('a.csv', row('c1'))
    expect(ids(await run({ columns: HEADER.trim().split(',') }).pull())).toEqual(['c1'])
  })

  test('without a column that the mapping asks for is read, and somebody is told', async () => {
    write('a.csv', (HEADER + row('c1')).replace('note', 'remark'))
    const { testContext } = await import('../../test-context.ts')
    const context = testContext()
    for await (const batch of run().source.pull(context)) expect(ids(batch)).toEqual(['c1'])
    expect(context.logged).toEqual([
      JSON.stringify({ file: 'a.csv', columns: ['note'], message: 'the mapping asks for columns that the file does not have' }),
    ])
  })

  test('gives back any table of any texts', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', ' ', 'é', ';') })
    const contact = { entity: 'contacts', native_id: '{$offset}', fields: { number: { const: '1' }, name: 'name', company: 'company' } }
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 20 }), async (table) => {
        const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`
        write('a.csv', `name,company\n${table.map((cells) => cells.map(quoted).join(',')).join('\n')}\n`)
        const { records, rejects } = await run({ mapping: contact, batch_rows: 3 }).pull()
        expect(rejects).toEqual([])
        expect(records.map(({ record }) => record)).toMatchObject(
          table.map(([name, company]) => ({ ...(name && { name }), ...(company && { company }) })),
        )
      }),
      { numRuns: 50 },
    )
  })
})

describe('from pass to pass', () => {
  const growing = Date.UTC(2027, 0, 1)

  test('a file that grew is read on; half a row waits while the file is being written', async () => {
    const { pull } = run()
    const path = write('a.csv', HEADER + row('c1') + 'c2,2026-03')
    utimesSync(path, growing / 1000, growing / 1000)
    expect(ids(await pull(growing + 1_000))).toEqual(['c1'])
    expect(await pull(growing + 2_000)).toMatchObject({ inputs: 0, batches: 0 })
    appendFileSync(path, '-01 10:00:00,1,in,90,250,\n' + row('c3'))
    utimesSync(path, growing / 1000 + 5, growing / 1000 + 5)
    const grown = await pull(growing + 6_000)
    expect(ids(grown)).toEqual(['c2', 'c3'])
    expect(grown.rejects).toEqual([])
    expect(await pull(growing + 600_000)).toMatchObject({ inputs: 0, batches: 0 })
  })

  test('a row taken without its line end, which goes on after all, is read again', async () => {
    const { pull } = run()
    const path = write('a.csv', HEADER + row('c1') + 'c2,2026-03-01 10:00:00,1,in,9')
    const early = await pull()
    expect([ids(early), early.rejects.length]).toEqual([['c1'], 1])
    appendFileSync(path, '0,250,\n')
    expect(ids(await pull())).toEqual(['c2'])
  })

  test('a file that was replaced is read anew: moved over it, or written in its place, shorter, as long, or longer', async () => {
    const { pull } = run()
    const path = write('a.csv', HEADER + row('c1') + row('c2'))
    expect(ids(await pull())).toEqual(['c1', 'c2'])
    write('new', HEADER + row('c1') + row('c2') + row('c3'))
    renameSync(join(folder, 'new'), path)
    expect(ids(await pull())).toEqual(['c1', 'c2', 'c3'])
    write('a.csv', HEADER + row('d1'), 1_800_000_010)
    expect(ids(await pull())).toEqual(['d1'])
    write('a.csv', HEADER + row('e1'), 1_800_000_020)
    expect(ids(await pull())).toEqual(['e1'])
    write('a.csv', HEADER + row('f1') + row('f2'), 1_800_000_030)
    expect(ids(await pull())).toEqual(['f1', 'f2'])
    expect(await pull()).toMatchObject({ inputs: 0, batches: 0 })
  })

  test('wherever a pass ends between two batches, the next goes on there and nothing is read twice', async () => {
    const names = Array.from({ length: 25 }, (_, n) => `c${n}`)
    write('a.csv', HEADER + names.map((name) => row(name, '2026-03-01 10:00:00,1,in,90,250,"a\nb"')).join(''))
    write('b.ndjson.gz', gzipSync(names.map((name) => `{"id":"z${name}","at":"2026-03-01 10:00:00","v":1,"dir":"in"}\n`).join('')))
    const { source } = run({ batch_rows: 4 })
    const { testContext } = await import('../../test-context.ts')
    const context = testContext()
    context.clock.now_ms = Date.UTC(2100, 0, 1)
    const seen: string[] = []
    for (let pass = 0; pass < 40; pass += 1)
      for await (const batch of source.pull(context)) {
        seen.push(...ids(batch))
        context.saved.set(batch.stream, JSON.parse(JSON.stringify(batch.checkpoint)))
        break
      }
    expect(seen).toEqual([...names, ...names.map((name) => `z${name}`)])
  })
})

describe('what is read', () => {
  test('NDJSON with and without compression; what is not an object is a dead letter', async () => {
    const line = (id: string): string => `{"id":"${id}","at":"2026-03-01T10:00:00Z","v":1,"dir":"in"}`
    write('a.jsonl', `${line('c1')}\n\n[1]\nnope\n${line('c2')}`)
    write('b.ndjson.gz', gzipSync(`${line('z1')}\n`))
    const { pull } = run()
    const pulled = await pull()
    expect(ids(pulled)).toEqual(['c1', 'c2', 'z1'])
    expect(pulled.rejects.map(({ position, code }) => [position.split('@')[0], code])).toEqual([
      ['a.jsonl:3', 'identity_missing'],
      ['a.jsonl:4', 'not_json'],
    ])
    expect(pulled.inputs).toBe(5)
    expect(await pull()).toMatchObject({ inputs: 0, batches: 0 })
  })

  test('a file by its name, files by a star; nothing there is an error that says so', async () => {
    for (const name of ['day-1.csv', 'day-2.csv', 'other.csv']) write(name, HEADER + row(name))
    write('notes.txt', 'not for us')
    expect(ids(await run({ path: join(folder, 'day-*.csv') }).pull())).toEqual(['day-1.csv', 'day-2.csv'])
    expect(ids(await run({ path: join(folder, 'other.csv') }).pull())).toEqual(['other.csv'])
    expect(ids(await run().pull())).toHaveLength(3)
    await expect(run({ path: join(folder, 'absent.csv') }).pull()).rejects.toMatchObject({ code: 'source_unavailable' })
    expect(await run().source.check!({} as never)).toEqual({ account: `${folder}: 3 files` })
  })

  test('a half-written gzip is waited for; Parquet is refused with a sentence', async () => {
    write('a.csv.gz', gzipSync(HEADER + row('c1')).subarray(0, 40))
    await expect(run().pull()).rejects.toMatchObject({ code: 'source_unavailable', message: expect.stringContaining('still being written') })
    rmSync(join(folder, 'a.csv.gz'))
    write('a.parquet', 'PAR1')
    await expect(run().pull()).rejects.toMatchObject({ code: 'config_invalid', message: expect.stringContaining('Parquet') })
    expect(mistakesOf({ format: 'parquet' })).toContain('Parquet is not read yet')
  })
})

test('a configuration tells all its mistakes at once', () => {
  const wrong = { zone: 'Mars', records: [{ entity: 'calls', native_id: 'id', fields: { direction: { from: 'd', const: 'x' }, colour: 'c' } }] }
  const message = mistakesOf({ mapping: wrong, delimiter: '::', encoding: 'ebcdic', format: 'xml' })
  for (const part of ['mapping.zone', 'fields.colour', 'fields.started_at', 'delimiter:', 'encoding:', 'format:']) expect(message).toContain(part)
  expect(mistakesOf({ mapping: join(folder, 'absent.yaml') })).toContain('there is no file')
})
