/** Which sources feed which tenant, as last configured. Secrets stay in the config file. */
import { sql, type Selectable } from 'kysely'
import { CallhouseError } from '../errors.ts'
import type { Control } from './control.ts'
import type { SourcesTable } from './control-tables.ts'
import { findTenant } from './tenants.ts'

export type StoredSource = Selectable<SourcesTable>

/** Makes the source known, or changes its kind and config to what is given. */
export async function ensureSource(control: Control, source: { tenant_id: string; id: string; kind: string; config: unknown }): Promise<void> {
  const { tenant_id, id, kind } = source
  const config = JSON.stringify(source.config ?? null)
  if (!(await findTenant(control, tenant_id)))
    throw new CallhouseError('tenant_unknown', `Source "${id}" is of tenant "${tenant_id}", which does not exist.`)
  await control.db
    .insertInto('sources')
    .values({ tenant_id, id, kind, config })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'id']).doUpdateSet({ kind, config, updated_at: sql<Date>`now()` }))
    .execute()
}

/** Every source, or one tenant's, by tenant and id. */
export async function listSources(control: Control, tenant_id?: string): Promise<StoredSource[]> {
  const query = control.db.selectFrom('sources').selectAll().orderBy('tenant_id').orderBy('id')
  return await (tenant_id === undefined ? query : query.where('tenant_id', '=', tenant_id)).execute()
}
