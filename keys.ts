/** The `keys` verbs. */
import { openControl, type Control } from './sql/control.ts'
import { createKey, listKeys, revokeKey } from './sql/api-keys.ts'
import { ensureTenant } from './sql/tenants.ts'
import { appendAudit } from './sql/audit.ts'
import { join } from 'node:path'
import { mkdirSync } from 'node:fs'
import type { Config } from './config.ts'
import { CallhouseError } from './errors.ts'

const scopes = ['read', 'ingest', 'admin', 'pii:read'] as const
type Scope = (typeof scopes)[number]

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
  for (const scope of wanted)
    if (!(scopes as readonly string[]).includes(scope))
      throw new CallhouseError('bad_request', `"${scope}" is not a scope. Use one or more of ${scopes.join(', ')}, separated by commas.`)
  await withControl(config, async (control) => {
    await ensureTenant(control, options.tenant)
    const { id, key } = await createKey(control, { tenant_id: options.tenant, name: options.name, scopes: wanted as Scope[] })
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
