/** The `keys` verbs. */
import { CallhouseError } from './errors.ts'
import { createKey, keyScopes, listKeys, revokeKey, type KeyScope } from './sql/api-keys.ts'
import { appendAudit } from './sql/audit.ts'
import { ensureTenant } from './sql/tenants.ts'
import type { ControlVerb } from './verb.ts'

const scopesOf = (list: string): string[] => list.split(',').map((scope) => scope.trim())

/** Makes a key and prints it, the only time it can be seen. */
export const keysCreate: ControlVerb<{ tenant: string; name: string; scopes: string }> = {
  opens: 'control',
  // Before the tenant is made: a mistyped scope leaves nothing behind.
  check({ scopes }) {
    for (const scope of scopesOf(scopes))
      if (!(keyScopes as readonly string[]).includes(scope))
        throw new CallhouseError('bad_request', `"${scope}" is not a scope. Use one or more of ${keyScopes.join(', ')}, separated by commas.`)
  },
  async run({ control, output }, { tenant, name, scopes }) {
    const wanted = scopesOf(scopes)
    await ensureTenant(control, tenant)
    const { id, key } = await createKey(control, { tenant_id: tenant, name, scopes: wanted as KeyScope[] })
    await appendAudit(control, { actor: 'cli', tenant_id: tenant, action: 'key.create', object: id })
    output.out(`${key}\n`)
    output.err(`Key ${id} of tenant ${tenant} (${wanted.join(', ')}). Keep it now: it is stored only as a hash.\n`)
    return 0
  },
}

export const keysList: ControlVerb<{ tenant?: string }> = {
  opens: 'control',
  async run({ control, output }, { tenant }) {
    for (const key of await listKeys(control, tenant))
      output.out(`${key.id}  ${key.tenant_id}  ${key.prefix}…  ${key.scopes.join(',')}  ${key.name}${key.revoked_at ? '  revoked' : ''}\n`)
    return 0
  },
}

export const keysRevoke: ControlVerb<{ id: string }> = {
  opens: 'control',
  async run({ control, output }, { id }) {
    await revokeKey(control, id)
    await appendAudit(control, { actor: 'cli', action: 'key.revoke', object: id })
    output.out(`Key ${id} is revoked.\n`)
    return 0
  },
}
