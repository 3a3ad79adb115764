/** API keys: made once, shown once, stored as a hash; they expire and can be revoked. */
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import { sql } from 'kysely'
import { CallhouseError } from '../errors.ts'
import { isKey, newKey, shownPart } from './api-key-format.ts'
import type { Control } from './control.ts'
import { findTenant } from './tenants.ts'

export const keyScopes = ['read', 'ingest', 'admin', 'pii:read'] as const
export type KeyScope = (typeof keyScopes)[number]

export interface ApiKey {
  id: string
  tenant_id: string
  name: string
  prefix: string
  scopes: KeyScope[]
  created_at: Date
  expires_at: Date | null
  last_used_at: Date | null
  revoked_at: Date | null
}

/** `last_used_at` is written at most this often: a dashboard asks many times a second. */
const LAST_USED_MS = 60_000

const shown = ['id', 'tenant_id', 'name', 'prefix', 'scopes', 'created_at', 'expires_at', 'last_used_at', 'revoked_at'] as const

/** Makes a key and returns it, the only time it can be seen. */
export async function createKey(
  control: Control,
  options: { tenant_id: string; name: string; scopes: readonly KeyScope[]; expires_at?: Date | string | number | undefined },
): Promise<{ id: string; key: string }> {
  const { tenant_id, name, scopes } = options
  const unknown = scopes.find((scope) => !keyScopes.includes(scope))
  if (unknown !== undefined || scopes.length === 0)
    throw new CallhouseError(
      'bad_request',
      `${unknown === undefined ? 'A key needs a scope' : `"${unknown}" is not a scope`}. Use one or more of ${keyScopes.join(', ')}.`,
    )
  const expires_at = options.expires_at === undefined ? null : new Date(options.expires_at)
  if (expires_at && Number.isNaN(expires_at.getTime()))
    throw new CallhouseError('bad_request', 'The expiry of a key is not a time. Use ISO 8601, as 2027-01-31T00:00:00Z.')
  if (!(await findTenant(control, tenant_id))) throw new CallhouseError('tenant_unknown', `There is no tenant "${tenant_id}" to make a key for.`)
  const key = newKey()
  const id = randomUUID()
  await control.db
    .insertInto('api_keys')
    .values({ id, tenant_id, name, prefix: shownPart(key), hash: hashOf(key).toString('hex'), scopes: [...new Set(scopes)], expires_at })
    .execute()
  return { id, key }
}

/** The key that was presented, unless it is wrong, revoked or expired. A text without a valid checksum never reaches the database. */
export async function findKey(control: Control, presented: string, now_ms = Date.now()): Promise<ApiKey | undefined> {
  if (!isKey(presented)) return undefined
  const hash = hashOf(presented)
  const candidates = await control.db
    .selectFrom('api_keys')
    .select([...shown, 'hash'])
    .where('prefix', '=', shownPart(presented))
    .execute()
  const match = candidates.find((candidate) => timingSafeEqual(Buffer.from(candidate.hash, 'hex'), hash))
  if (!match || match.revoked_at !== null) return undefined
  if (match.expires_at !== null && match.expires_at.getTime() <= now_ms) return undefined
  const { hash: _hash, ...key } = match
  const used_at = await markUsed(control, key.id, key.last_used_at, now_ms)
  return { ...key, scopes: key.scopes as KeyScope[], last_used_at: used_at }
}

/** Every key, or one tenant's, oldest first; revoked ones too. Never the key itself. */
export async function listKeys(control: Control, tenant_id?: string): Promise<ApiKey[]> {
  let query = control.db.selectFrom('api_keys').select(shown)
  if (tenant_id !== undefined) query = query.where('tenant_id', '=', tenant_id)
  const keys = await query.orderBy('created_at').orderBy('id').execute()
  return keys.map((key) => ({ ...key, scopes: key.scopes as KeyScope[] }))
}

/** Ends a key now. Doing so again changes nothing. Only within `tenant_id`, where that is given. */
export async function revokeKey(control: Control, id: string, options: { tenant_id?: string | undefined } = {}): Promise<void> {
  let query = control.db
    .updateTable('api_keys')
    .set({ revoked_at: sql<Date>`coalesce(revoked_at, now())` })
    .where('id', '=', id)
  if (options.tenant_id !== undefined) query = query.where('tenant_id', '=', options.tenant_id)
  const { numUpdatedRows } = await query.executeTakeFirst()
  if (numUpdatedRows === 0n)
    throw new CallhouseError('not_found', `There is no key ${JSON.stringify(id.slice(0, 64))}. "callhouse keys list" shows them.`)
}

async function markUsed(control: Control, id: string, last_used_at: Date | null, now_ms: number): Promise<Date> {
  if (last_used_at && now_ms - last_used_at.getTime() < LAST_USED_MS) return last_used_at
  const now = new Date(now_ms)
  await control.db.updateTable('api_keys').set({ last_used_at: now }).where('id', '=', id).execute()
  return now
}

const hashOf = (key: string): Buffer => createHash('sha256').update(key).digest()
