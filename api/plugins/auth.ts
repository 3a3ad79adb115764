/**
 * Who may call what. Every route under /v1 must declare the scope it needs, so
 * a forgotten declaration stops the server from starting instead of opening a
 * door. Found keys are kept for five seconds: a revoked key works at most that
 * much longer.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { CallhouseError } from '../../errors.ts'
import { findKey } from '../../sql/api-keys.ts'
import { findTenant, listTenants } from '../../sql/tenants.ts'
import { askControl } from '../ask-control.ts'
import type { ApiContext } from '../context.ts'
import { requireScope, type Principal, type Scope } from '../principal.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope a key needs; undefined for the open routes (docs, probes). */
    scope?: Scope
    /** Only the configured admin key may call this. */
    operatorOnly?: boolean
  }
  interface FastifyRequest {
    principal: Principal
  }
}

export const KEY_CACHE_MS = 5_000
const KEY_CACHE_SIZE = 10_000

type FoundKey = NonNullable<Awaited<ReturnType<typeof findKey>>>

/** Adds the key check to every route that declares a scope. */
export function addAuth(app: FastifyInstance, context: ApiContext): void {
  const keys = new KeyCache(context)
  app.decorateRequest('principal', null as unknown as Principal)
  app.addHook('onRoute', (route) => {
    if (route.url.startsWith('/v1') && !route.config?.scope) throw new Error(`The route ${route.url} declares no scope: add config: { scope } to it.`)
  })
  app.addHook('onRequest', async (request) => {
    const { scope, operatorOnly } = request.routeOptions.config
    if (!scope) return
    request.principal = await identify(request, context, keys)
    requireScope(request.principal, scope)
    if (operatorOnly && !request.principal.is_operator)
      throw new CallhouseError('forbidden', 'This needs the admin key of the installation (CALLHOUSE_ADMIN_KEY).')
  })
}

async function identify(request: FastifyRequest, context: ApiContext, keys: KeyCache): Promise<Principal> {
  const presented = presentedKey(request)
  if (presented === undefined)
    throw new CallhouseError('unauthorized', 'This needs an API key. Send it as "Authorization: Bearer KEY", as a Basic password or as X-API-Key.')
  const named = header(request, 'x-callhouse-tenant')
  if (context.config.adminKey && equal(presented, context.config.adminKey)) {
    const tenant_id = request.routeOptions.config.operatorOnly ? '' : await operatorTenant(context, named)
    return { actor: 'operator', tenant_id, scopes: ['read', 'ingest', 'admin', 'pii:read'], is_operator: true }
  }
  const key = await keys.find(presented)
  if (!key) throw new CallhouseError('unauthorized', 'This API key is wrong, revoked or expired. Create one with "callhouse keys create".')
  if (named !== undefined && named !== key.tenant_id)
    throw new CallhouseError(
      'forbidden',
      'This API key belongs to another tenant than the one X-Callhouse-Tenant names. Leave the header out, or use that tenant’s key.',
    )
  return { actor: `key:${key.id}`, tenant_id: key.tenant_id, scopes: key.scopes, is_operator: false }
}

/** Whether a request to a route that needs no key comes with the admin key. */
export function isOperator(request: FastifyRequest, { adminKey }: ApiContext['config']): boolean {
  const presented = adminKey ? presentedKey(request) : undefined
  return presented !== undefined && equal(presented, adminKey!)
}

async function operatorTenant(context: ApiContext, named: string | undefined): Promise<string> {
  if (named !== undefined) {
    if (await askControl(findTenant(context.control, named))) return named
    throw new CallhouseError('tenant_unknown', `There is no tenant "${named.slice(0, 63)}". "callhouse keys" and your callhouse.yaml list them.`)
  }
  const [only, another] = await askControl(listTenants(context.control))
  if (only && !another) return only.id
  throw new CallhouseError(
    'tenant_required',
    only ? 'There are several tenants: name one in the header X-Callhouse-Tenant.' : 'There is no tenant yet: add a source to callhouse.yaml first.',
  )
}

/** Bearer, Basic (the key is the password, as BI tools send it) or X-API-Key. */
function presentedKey(request: FastifyRequest): string | undefined {
  const [, scheme = '', credentials = ''] = /^(\S+)\s+(\S+)\s*$/.exec(header(request, 'authorization') ?? '') ?? []
  if (scheme.toLowerCase() === 'bearer') return credentials
  if (scheme.toLowerCase() === 'basic') {
    const decoded = Buffer.from(credentials, 'base64').toString('utf8')
    return decoded.slice(decoded.indexOf(':') + 1) || undefined
  }
  return header(request, 'x-api-key')
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return (Array.isArray(value) ? value[0] : value) || undefined
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
/** Comparing digests takes the same time whatever the lengths. */
const equal = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))

class KeyCache {
  readonly #found = new Map<string, { key: FoundKey; until_ms: number }>()
  readonly #context: ApiContext

  constructor(context: ApiContext) {
    this.#context = context
  }

  /** The key, from memory when it was found a moment ago. Keys that do not exist are never remembered. */
  async find(presented: string): Promise<FoundKey | undefined> {
    const now_ms = this.#context.now()
    const name = digest(presented).toString('base64')
    const cached = this.#found.get(name)
    const key = cached && cached.until_ms > now_ms ? cached.key : await askControl(findKey(this.#context.control, presented))
    if (!key || isExpired(key, now_ms)) {
      this.#found.delete(name)
      return undefined
    }
    if (key !== cached?.key) {
      if (this.#found.size >= KEY_CACHE_SIZE) this.#found.clear()
      this.#found.set(name, { key, until_ms: now_ms + KEY_CACHE_MS })
    }
    return key
  }
}

function isExpired(key: FoundKey, now_ms: number): boolean {
  return key.expires_at !== null && key.expires_at.getTime() <= now_ms
}
