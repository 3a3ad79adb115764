import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { appendAudit, verifyAudit } from './audit.ts'
import { onBothControls } from './control.suite.ts'

onBothControls('the audit log', ({ control, another }) => {
  const rows = () => control().db.selectFrom('audit').selectAll().orderBy('seq').execute()
  const withoutTrigger = async (change: () => Promise<unknown>): Promise<void> => {
    await sql`alter table audit disable trigger all`.execute(control().db)
    await change().finally(() => sql`alter table audit enable trigger all`.execute(control().db))
  }

  test('an empty log holds', async () => {
    expect(await verifyAudit(control())).toEqual({ ok: true, rows: 0 })
  })

  test('any entry is sealed as it is read back', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 })
    const entry = fc.record({
      actor: text,
      action: text,
      object: text,
      detail: fc.option(fc.jsonValue({ stringUnit: 'binary' }), { nil: undefined }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 15 }), async (entries) => {
        for (const given of entries) await appendAudit(control(), given)
        expect(await verifyAudit(control())).toMatchObject({ ok: true })
      }),
      { numRuns: 8 },
    )
  })

  test('forty at once make one chain', async () => {
    const before = (await rows()).length
    const others = another ? await Promise.all([another(), another()]) : []
    const writers = [control(), ...others]
    await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        appendAudit(writers[i % writers.length] ?? control(), { actor: `key:${i}`, action: 'read', object: 'calls' }),
      ),
    )
    await Promise.all(others.map((other) => other.close()))
    expect(await verifyAudit(control())).toEqual({ ok: true, rows: before + 40 })
  })

  test.each(['update audit set actor = actor', 'delete from audit', 'truncate audit'])('%s is refused', async (statement) => {
    await expect(sql.raw(statement).execute(control().db)).rejects.toThrow(/append-only/)
    expect(await verifyAudit(control())).toMatchObject({ ok: true })
  })

  test.each([
    ['actor', `'intruder'`],
    ['tenant_id', `'globex'`],
    ['action', `'nothing'`],
    ['object', `'x'`],
    ['detail', `'{"rows":1}'`],
    ['at', `at + interval '1 millisecond'`],
    ['hash', `md5(hash)`],
    ['previous_hash', `md5(hash)`],
  ])('a changed %s is found where it stands', async (column, value) => {
    const row = (await rows()).at(-5)
    if (!row) throw new Error('The tests before this one left no rows.')
    await withoutTrigger(() => sql.raw(`update audit set ${column} = ${value} where seq = ${row.seq}`).execute(control().db))
    expect(await verifyAudit(control())).toMatchObject({ ok: false, seq: row.seq })
    const { detail, ...rest } = row
    await withoutTrigger(() =>
      sql`update audit set actor = ${rest.actor}, tenant_id = ${rest.tenant_id}, action = ${rest.action}, object = ${rest.object}, at = ${rest.at},
        detail = ${detail === null ? null : JSON.stringify(detail)}::json, hash = ${rest.hash}, previous_hash = ${rest.previous_hash} where seq = ${rest.seq}`.execute(
        control().db,
      ),
    )
    expect(await verifyAudit(control())).toMatchObject({ ok: true })
  })

  test('a removed row is found, also the last', async () => {
    const last = (await rows()).at(-1)?.seq ?? 0
    await withoutTrigger(() => sql`delete from audit where seq = ${last}`.execute(control().db))
    expect(await verifyAudit(control())).toMatchObject({ ok: false, seq: last })
    await withoutTrigger(() => sql`delete from audit where seq = ${last - 7}`.execute(control().db))
    expect(await verifyAudit(control())).toMatchObject({ ok: false, seq: last - 6, reason: `rows ${last - 7} to ${last - 7} are missing` })
  })
})
