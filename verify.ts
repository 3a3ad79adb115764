/** `callhouse verify`: are the facts what the core tables say? */
import { openStores, refreshToNow, type Stores } from './app.ts'
import type { Config } from './config.ts'
import { listTenants } from './sql/tenants.ts'
import { splitIdentities, verifyTenant, type Difference } from './transform/verify.ts'

/** A day that differs is looked at again, since rows may have arrived between the refresh and the look. */
const LOOKS = 3

/** Prints what differs and resolves to the exit code: 0 when nothing does. */
export async function verify(config: Config, options: { tenant?: string; from?: string; to?: string }): Promise<number> {
  const stores = await openStores(config)
  try {
    const tenants = options.tenant === undefined ? (await listTenants(stores.control)).map(({ id }) => id) : [options.tenant]
    let faults = 0
    for (const tenant of tenants) faults += await verifyOne(stores, tenant, options)
    process.stdout.write(faults === 0 ? 'Every fact equals its recomputation.\n' : `${faults} difference${faults > 1 ? 's' : ''}.\n`)
    return faults === 0 ? 0 : 1
  } finally {
    await stores.close()
  }
}

/** A tenant's facts that differ from their recomputation, also when looked at again. */
export async function lookAtFacts(stores: Stores, tenant: string, range: Parameters<typeof verifyTenant>[3]): Promise<Difference[]> {
  let differences: Difference[] = []
  for (let look = 0; look < LOOKS; look++) {
    await refreshToNow(stores)
    differences = await verifyTenant(stores.warehouse, stores.models, tenant, range)
    if (differences.length === 0) break
  }
  return differences
}

async function verifyOne(stores: Stores, tenant: string, range: { from?: string; to?: string }): Promise<number> {
  const differences = await lookAtFacts(stores, tenant, range)
  for (const { fact, day, published, recomputed } of differences)
    process.stdout.write(`${tenant}  ${fact}  ${day}  published ${published?.rows ?? 0} rows, recomputed ${recomputed?.rows ?? 0} rows\n`)
  const entities = [...new Set(stores.models.flatMap((model) => model.from))]
  const split = await splitIdentities(stores.warehouse, entities, tenant)
  for (const { entity, records } of split)
    process.stdout.write(
      `${tenant}  ${entity}  ${records} records are stored under two anchor days: their source changed a time it must not change\n`,
    )
  return differences.length + split.length
}
