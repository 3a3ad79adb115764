/** The secret under which a tenant's agents get pseudonyms: the same for good, and another for every tenant. */
import { randomBytes } from 'node:crypto'
import type { Control } from './control.ts'

/** 32 random bytes in hex, made on the first call for a tenant; concurrent callers get the same ones. */
export async function pseudonymKey(control: Control, tenant_id: string): Promise<string> {
  await control.db
    .insertInto('pseudonym_keys')
    .values({ tenant_id, key: randomBytes(32).toString('hex') })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const { key } = await control.db.selectFrom('pseudonym_keys').select('key').where('tenant_id', '=', tenant_id).executeTakeFirstOrThrow()
  return key
}
