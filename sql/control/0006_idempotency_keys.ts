/** Answers of pushes that are sent again under the same key. Never edited: later changes are later files. */
import type { Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('idempotency_keys')
    .addColumn('tenant_id', 'text', (column) => column.notNull().references('tenants.id'))
    .addColumn('key_hash', 'text', (column) => column.notNull())
    .addColumn('request_hash', 'text', (column) => column.notNull())
    .addColumn('answer', 'json')
    .addColumn('claimed_at', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('idempotency_keys_pkey', ['tenant_id', 'key_hash'])
    .execute()
  await db.schema.createIndex('idempotency_keys_claimed_at').on('idempotency_keys').column('claimed_at').execute()
}
