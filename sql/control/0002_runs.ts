/** How far each source has been read, and how each pass over it went. Never edited: later changes are later files. */
import { sql, type Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // json, not jsonb: jsonb refuses "\u0000" and lone surrogates and reorders keys; a cursor must come back as it went.
  await db.schema
    .createTable('checkpoints')
    .addColumn('tenant_id', 'text', (column) => column.notNull())
    .addColumn('source_id', 'text', (column) => column.notNull())
    .addColumn('stream', 'text', (column) => column.notNull())
    .addColumn('value', 'json', (column) => column.notNull())
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
    .addPrimaryKeyConstraint('checkpoints_pkey', ['tenant_id', 'source_id', 'stream'])
    .execute()
  await db.schema
    .createTable('runs')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('seq', 'bigserial', (column) => column.notNull().unique())
    .addColumn('tenant_id', 'text', (column) => column.notNull())
    .addColumn('source_id', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('inputs', 'int8', (column) => column.notNull().defaultTo(0))
    .addColumn('accepted', 'int8', (column) => column.notNull().defaultTo(0))
    .addColumn('rejected', 'int8', (column) => column.notNull().defaultTo(0))
    .addColumn('error', 'text')
    .addColumn('started_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`clock_timestamp()`))
    .addColumn('finished_at', 'timestamptz')
    .execute()
  await db.schema.createIndex('runs_by_source').on('runs').columns(['tenant_id', 'source_id', 'seq']).execute()
}
