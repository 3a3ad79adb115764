/** Who did what: rows that can be added and never changed, each sealed by the one before. Never edited: later changes are later files. */
import { sql, type Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('audit')
    .addColumn('seq', 'int8', (column) => column.primaryKey())
    .addColumn('at', 'timestamptz', (column) => column.notNull())
    .addColumn('actor', 'text', (column) => column.notNull())
    .addColumn('tenant_id', 'text')
    .addColumn('action', 'text', (column) => column.notNull())
    .addColumn('object', 'text', (column) => column.notNull())
    .addColumn('detail', 'json')
    .addColumn('previous_hash', 'text', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('audit_head')
    .addColumn('only', 'boolean', (column) =>
      column
        .primaryKey()
        .defaultTo(true)
        .check(sql`"only"`),
    )
    .addColumn('seq', 'int8', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull())
    .execute()
  await sql`insert into audit_head (seq, hash) values (0, '')`.execute(db)
  await sql`create function audit_is_append_only() returns trigger language plpgsql as $$
    begin raise exception 'The audit log is append-only: % is refused.', tg_op; end $$`.execute(db)
  await sql`create trigger audit_append_only before update or delete on audit for each row execute function audit_is_append_only()`.execute(db)
  await sql`create trigger audit_no_truncate before truncate on audit for each statement execute function audit_is_append_only()`.execute(db)
}
