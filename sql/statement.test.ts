import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readStatement } from './statement.ts'

const single = [
  'SELECT 1',
  'SELECT 1;',
  "SELECT ';' ; -- the end; really",
  'SELECT 1 /* ; */ ; /* a; b */',
  "SELECT `a;b`, \"c;d\", 'e'';f', 'g\\';h' FROM t",
  'SELECT $$a;b$$, $tag$ ; $$ ; $tag$',
  'SELECT 1 # comment; here\n',
  "INSERT INTO t VALUES (1, 'a;b')",
  'INSERT INTO t FORMAT TSV\n1;2\n3;4',
  'INSERT INTO t (a, `format`) SETTINGS async_insert = 0 FORMAT JSONEachRow {"a": "x; y\'s"}; {}',
]
const several = [
  'SELECT 1; SELECT 2',
  "SELECT ';'; x",
  'SELECT 1 -- ;\n; SELECT 2',
  "INSERT INTO t VALUES (';'); DROP TABLE t",
  "SELECT 'a\\\\'; DROP TABLE t --'",
  'INSERT INTO t SELECT 1 FORMAT TSV; DROP TABLE t',
  'SELECT $$a$$; b',
]

describe('readStatement', () => {
  test.each(single)('%s is one statement', (sql) => {
    expect(readStatement(sql).is_several).toBe(false)
  })
  test.each(several)('%s is several', (sql) => {
    expect(readStatement(sql).is_several).toBe(true)
  })

  test.each([
    ['SELECT 1 FORMAT JSON', 'JSON'],
    ['SELECT format, a.format FROM t', undefined],
    ["SELECT format('{}', 1) FORMAT CSV", 'CSV'],
    ['SELECT (SELECT 1 FORMAT TSV)', undefined],
    ['INSERT INTO format FORMAT CSV', 'CSV'],
  ])('%s has the format %s', (sql, name) => {
    expect(readStatement(sql).format?.name).toBe(name)
  })

  test('finds where an INSERT turns into data', () => {
    const sql = 'INSERT INTO t (a) SETTINGS x = 1 FORMAT CSV\n1'
    const shape = readStatement(sql)
    expect(sql.slice(0, shape.infile_at)).toBe('INSERT INTO t (a) ')
    expect(sql.slice(shape.infile_at, shape.format?.ends_at)).toBe('SETTINGS x = 1 FORMAT CSV')
    expect(readStatement('INSERT INTO t SELECT 1 FORMAT CSV').infile_at).toBeUndefined()
  })

  test('a quoted value of any content never splits a statement', () => {
    const quoted = fc
      .tuple(fc.string(), fc.constantFrom("'", '"', '`'))
      .map(([text, quote]) => quote + text.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`) + quote)
    fc.assert(
      fc.property(fc.array(quoted), (values) => {
        expect(readStatement(`SELECT ${values.join(', ')}`).is_several).toBe(false)
        expect(readStatement(`SELECT ${[...values, 1].join(', ')}; DROP TABLE t`).is_several).toBe(true)
      }),
    )
  })
})
