/**
 * Who did what to which data. Rows are only ever added, and each is sealed with
 * the hash of the one before, so a row that is changed, removed or slipped in
 * breaks the chain where it stands. `audit_head` seals the end.
 */
import { createHash } from 'node:crypto'
import type { AuditRow, NewAuditRow } from './control-tables.ts'
import type { Control } from './control.ts'

export interface AuditEntry {
  /** Who: `key:ID`, `operator`, `cli`. */
  actor: string
  tenant_id?: string | undefined
  /** What, as `key.create`. */
  action: string
  /** To what: an id or a name. */
  object: string
  /** Anything more, as JSON. No numbers of persons, no secrets. */
  detail?: unknown
}

export type AuditVerdict = { ok: true; rows: number } | { ok: false; seq: number; reason: string }

const PAGE = 1_000

/** Adds a row to the end of the chain. Returns when it is durable, so data may be released after it. */
export async function appendAudit(control: Control, entry: AuditEntry, now_ms = Date.now()): Promise<void> {
  await control.db.transaction().execute(async (transaction) => {
    // Whoever holds the head's row appends; the others wait, and read the head that it leaves.
    const head = await transaction.selectFrom('audit_head').select(['seq', 'hash']).forUpdate().executeTakeFirstOrThrow()
    const sealed = {
      seq: head.seq + 1,
      at: new Date(now_ms),
      actor: storable(entry.actor),
      tenant_id: entry.tenant_id === undefined ? null : storable(entry.tenant_id),
      action: storable(entry.action),
      object: storable(entry.object),
      detail: entry.detail === undefined ? null : JSON.stringify(entry.detail),
      previous_hash: head.hash,
    }
    const row: NewAuditRow = { ...sealed, hash: seal({ ...sealed, detail: parsed(sealed.detail) }) }
    await transaction.insertInto('audit').values(row).execute()
    await transaction.updateTable('audit_head').set({ seq: row.seq, hash: row.hash }).execute()
  })
}

/** Reads the whole chain and says whether it holds, or the first row at which it does not. */
export async function verifyAudit(control: Control): Promise<AuditVerdict> {
  // One snapshot of head and rows, or a row appended while we read would look like a forged one.
  return await control.db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (transaction) => {
      const head = await transaction.selectFrom('audit_head').select(['seq', 'hash']).executeTakeFirst()
      let last = { seq: 0, hash: '' }
      for (;;) {
        const rows = await transaction.selectFrom('audit').selectAll().where('seq', '>', last.seq).orderBy('seq').limit(PAGE).execute()
        for (const row of rows) {
          const reason = flaw(row, last)
          if (reason !== undefined) return { ok: false, seq: row.seq, reason }
          last = row
        }
        if (rows.length < PAGE) break
      }
      if (head?.seq !== last.seq || head.hash !== last.hash) return { ok: false, seq: last.seq + 1, reason: 'rows are missing from the end' }
      return { ok: true, rows: last.seq }
    })
}

function flaw(row: AuditRow, last: { seq: number; hash: string }): string | undefined {
  if (row.seq !== last.seq + 1) return `rows ${last.seq + 1} to ${row.seq - 1} are missing`
  if (row.previous_hash !== last.hash) return 'it does not follow the row before it'
  if (row.hash !== seal(row)) return 'its content was changed'
  return undefined
}

/** The hash over everything in a row and the hash before it. */
function seal(row: Omit<AuditRow, 'hash'>): string {
  const { seq, at, actor, tenant_id, action, object, detail, previous_hash } = row
  return createHash('sha256')
    .update(JSON.stringify([previous_hash, seq, at.toISOString(), actor, tenant_id, action, object, detail]))
    .digest('hex')
}

/** Sealed as it will be read back: `detail` is JSON that keeps the order of its keys. */
const parsed = (detail: string | null): unknown => (detail === null ? null : JSON.parse(detail))

/** As Postgres gives it back: its text has no NUL and no lone surrogates, and a caller's odd id must not break the chain. */
const storable = (text: string): string => text.toWellFormed().replaceAll('\0', '\u2400')
