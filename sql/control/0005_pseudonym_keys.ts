/** A secret per tenant, under which people are given pseudonyms. Never edited: later changes are later files. */
import type { Kysely } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('pseudonym_keys')
    .addColumn('tenant_id', 'text', (column) => column.primaryKey().references('tenants.id'))
    .addColumn('key', 'text', (column) => column.notNull())
    .execute()
}
