/** Who is asking: the key behind a request, the tenant it reads, and what it may do. */
import { CallhouseError } from '../errors.ts'

export const scopes = ['read', 'ingest', 'admin', 'pii:read'] as const
export type Scope = (typeof scopes)[number]

export interface Principal {
  /** `key:ID`, or `operator` for the configured admin key; goes into the audit log. */
  actor: string
  tenant_id: string
  scopes: readonly string[]
  /** True for the configured admin key, which may name any tenant. */
  is_operator: boolean
}

/** Throws `forbidden` unless the principal has the scope; `admin` includes every other. */
export function requireScope(principal: Principal, scope: Scope): void {
  if (principal.scopes.includes(scope) || principal.scopes.includes('admin')) return
  throw new CallhouseError(
    'forbidden',
    `This needs a key with the scope "${scope}"; yours has ${principal.scopes.join(', ') || 'none'}. Ask an administrator for another key.`,
    {
      details: { scope },
    },
  )
}
