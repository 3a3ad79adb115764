/** Tenants: the customers whose data is kept apart. */
import type { Selectable } from 'kysely'
import { CallhouseError } from '../errors.ts'
import type { Control } from './control.ts'
import type { TenantsTable } from './control-tables.ts'

export type Tenant = Selectable<TenantsTable>

/** Ids go into file names, headers and row policies, so they are plain. */
const TENANT_ID = /^[a-z0-9][a-z0-9_-]{0,62}$/

/** Makes the tenant where it is new, and sets the name and time zone that are given. */
export async function ensureTenant(control: Control, id: string, settings: { name?: string; time_zone?: string } = {}): Promise<Tenant> {
  if (!TENANT_ID.test(id)) {
    const shown = JSON.stringify(id.slice(0, 63))
    throw new CallhouseError('bad_request', `${shown} cannot be a tenant's id. Use 1 to 63 of a-z, 0-9, "_" and "-", the first a letter or digit.`)
  }
  const { name, time_zone } = settings
  if (time_zone !== undefined) checkZone(time_zone)
  const found = await findTenant(control, id)
  if (found && (name ?? found.name) === found.name && (time_zone ?? found.time_zone) === found.time_zone) return found
  return await control.db
    .insertInto('tenants')
    .values({ id, name: name ?? id, time_zone: time_zone ?? 'UTC' })
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet(({ ref }) => ({
        name: name ?? ref('tenants.name'),
        time_zone: time_zone ?? ref('tenants.time_zone'),
      })),
    )
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** All tenants, by id. */
export async function listTenants(control: Control): Promise<Tenant[]> {
  return await control.db.selectFrom('tenants').selectAll().orderBy('id').execute()
}

export async function findTenant(control: Control, id: string): Promise<Tenant | undefined> {
  return await control.db.selectFrom('tenants').selectAll().where('id', '=', id).executeTakeFirst()
}

function checkZone(zone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
  } catch {
    throw new CallhouseError('zone_unknown', `No time zone ${JSON.stringify(zone)}. Use an IANA name such as Europe/Berlin.`)
  }
}
