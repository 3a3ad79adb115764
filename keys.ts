/** The `keys` verbs. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from './config.ts'
import { CallhouseError } from './errors.ts'
import { createKey, keyScopes, listKeys, revokeKey, type KeyScope } from './sql/api-keys.ts'
import { appendAudit } from './sql/audit.ts'
import { openControl, type Control } from './sql/control.ts'
import { ensureTenant } from './sql/tenants.ts'

async function withControl<T>(config: Config, use: (control: Control) => Promise<T>): Promise<T> {
  mkdirSync(config.data, { recursive: true })
  const control = await openControl({ url: config.database_url, path: join(config.data, 'control') })
  try {
    return await use(control)
  } finally {
    await control.close()
  }
}

/** Makes a key and prints it, the only time it can be seen. */
export async function createKeyFor(config: Config, options: { tenant: string; name: string; scopes: string }): Promise<void> {
  const wanted = options.scopes.split(',').map((scope) => scope.trim())
  // Before the tenant is made: a mistyped scope leaves nothing behind.
  for (const scope of wanted)
    if (!(keyScopes as readonly string[]).includes(scope))
      throw new CallhouseError('bad_request', `"${scope}" is not a scope. Use one or more of ${keyScopes.join(', ')}, separated by commas.`)
  await withControl(config, async (control) => {
    await ensureTenant(control, options.tenant)
    const { id, key } = await createKey(control, { tenant_id: options.tenant, name: options.name, scopes: wanted as KeyScope[] })
    await appendAudit(control, { actor: 'cli', tenant_id: options.tenant, action: 'key.create', object: id })
    process.stdout.write(`${key}\n`)
    process.stderr.write(`Key ${id} of tenant ${options.tenant} (${wanted.join(', ')}). Keep it now: it is stored only as a hash.\n`)
  })
}

export async function printKeys(config: Config, tenant?: string): Promise<void> {
  await withControl(config, async (control) => {
    for (const key of await listKeys(control, tenant))
      process.stdout.write(`${key.id}  ${key.tenant_id}  ${key.prefix}…  ${key.scopes.join(',')}  ${key.name}${key.revoked_at ? '  revoked' : ''}\n`)
  })
}

export async function revoke(config: Config, id: string): Promise<void> {
  await withControl(config, async (control) => {
    await revokeKey(control, id)
    await appendAudit(control, { actor: 'cli', action: 'key.revoke', object: id })
    process.stdout.write(`Key ${id} is revoked.\n`)
  })
}
