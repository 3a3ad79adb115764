/**
 * The whole configuration: one YAML file, secrets as ${ENV}, and a few
 * environment variables that win over it. Every mistake is reported together,
 * with the path of its key. Nothing else reads the environment.
 */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Cron } from 'croner'
import { IANAZone } from 'luxon'
import { parseDocument } from 'yaml'
import { CallhouseError, messageOf } from './errors.ts'
import { findDefinition, sourceDefinitions } from './ingest/sources/index.ts'

export interface Config {
  /** Everything Callhouse stores when it has no servers to store it on. */
  data: string
  /** Postgres; undefined means PGlite under `data`. */
  database_url: string | undefined
  /** ClickHouse over HTTP; undefined url means the embedded engine under `data`. */
  warehouse: { url: string | undefined; username: string; password: string; database: string }
  warehouse_server: { host: string; port: number; secret: string | undefined }
  api: { host: string; port: number; admin_key: string | undefined }
  /** Probes and figures of a process without the API; undefined port means none. */
  metrics: { host: string; port: number | undefined }
  /** How often facts are brought up to date, in milliseconds. */
  refresh_ms: number
  /** When sources' own totals are compared with the warehouse's, and when facts are recomputed: cron expressions, UTC. */
  reconcile_cron: string
  verify_cron: string
  log_level: string
  sources: SourceSettings[]
}

/** A source as configured; what its kind needs beside these is in `options`. */
export interface SourceSettings {
  id: string
  tenant: string
  kind: string
  /** Milliseconds between pulls, or a cron expression with its zone. */
  poll_ms: number
  cron: string | undefined
  time_zone: string
  options: Record<string, unknown>
}

export const TENANT_ID = /^[a-z0-9][a-z0-9_-]{0,62}$/

const topKeys = [
  'data',
  'database_url',
  'warehouse',
  'warehouse_server',
  'api',
  'metrics',
  'refresh_ms',
  'reconcile_cron',
  'verify_cron',
  'log_level',
  'sources',
]
const groupKeys: Record<string, string[]> = {
  warehouse: ['url', 'username', 'password', 'database'],
  warehouse_server: ['host', 'port', 'secret'],
  api: ['host', 'port', 'admin_key'],
  metrics: ['host', 'port'],
}
const commonSourceKeys = ['id', 'tenant', 'kind', 'poll_ms', 'cron', 'time_zone']

export type Env = Record<string, string | undefined>

/** The environment, for a command that must know which variables are set. */
export const environment = (): Env => process.env

/**
 * Reads `file` (default callhouse.yaml) where it exists, and the environment.
 * Throws config_invalid that lists every mistake.
 */
export function loadConfig(options: { file?: string; env?: Env; required?: boolean } = {}): Config {
  const env = options.env ?? process.env
  const file = resolve(options.file ?? 'callhouse.yaml')
  if (!existsSync(file)) {
    if (options.required)
      throw new CallhouseError('config_missing', `No config at ${file}. Copy callhouse.example.yaml there, or name another file with --config.`)
    return normalizeConfig({}, env)
  }
  const document = parseDocument(readFileSync(file, 'utf8'))
  const broken = document.errors[0]
  if (broken) throw new CallhouseError('config_invalid', `${file} is not YAML: ${broken.message}`)
  return normalizeConfig(document.toJS() ?? {}, env, file)
}

/** Checks raw settings and fills in defaults; `where` names the file in messages. */
export function normalizeConfig(raw: unknown, environment: Env = {}, where = 'config'): Config {
  // A variable that is set to nothing is one that is not set.
  const env = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const mistakes: string[] = []
  const top = asObject(expand(raw, env, '', mistakes), '', mistakes)
  unknownKeys(top, topKeys, '', mistakes)
  const group = (key: string): Record<string, unknown> => {
    const value = asObject(top[key] ?? {}, key, mistakes)
    unknownKeys(value, groupKeys[key]!, `${key}.`, mistakes)
    return value
  }
  const [warehouse, server, api, metrics] = [group('warehouse'), group('warehouse_server'), group('api'), group('metrics')]
  const config: Config = {
    data: resolve(env['CALLHOUSE_DATA'] ?? text(top['data'], 'data', mistakes) ?? './data'),
    database_url: env['CALLHOUSE_DATABASE_URL'] ?? text(top['database_url'], 'database_url', mistakes),
    warehouse: {
      url: env['CALLHOUSE_WAREHOUSE_URL'] ?? text(warehouse['url'], 'warehouse.url', mistakes),
      username: text(warehouse['username'], 'warehouse.username', mistakes) ?? 'default',
      password: env['CALLHOUSE_WAREHOUSE_SECRET'] ?? text(warehouse['password'], 'warehouse.password', mistakes) ?? '',
      database: text(warehouse['database'], 'warehouse.database', mistakes) ?? 'callhouse',
    },
    warehouse_server: {
      host: text(server['host'], 'warehouse_server.host', mistakes) ?? '127.0.0.1',
      port: port(server['port'], 'warehouse_server.port', mistakes) ?? 8124,
      secret: env['CALLHOUSE_WAREHOUSE_SECRET'] ?? text(server['secret'], 'warehouse_server.secret', mistakes),
    },
    api: {
      host: env['CALLHOUSE_HOST'] ?? text(api['host'], 'api.host', mistakes) ?? '127.0.0.1',
      port: port(env['CALLHOUSE_PORT'] ?? api['port'], env['CALLHOUSE_PORT'] === undefined ? 'api.port' : 'CALLHOUSE_PORT', mistakes) ?? 8080,
      admin_key: env['CALLHOUSE_ADMIN_KEY'] ?? text(api['admin_key'], 'api.admin_key', mistakes),
    },
    metrics: {
      host: env['CALLHOUSE_METRICS_HOST'] ?? text(metrics['host'], 'metrics.host', mistakes) ?? '127.0.0.1',
      port: port(
        env['CALLHOUSE_METRICS_PORT'] ?? metrics['port'],
        env['CALLHOUSE_METRICS_PORT'] === undefined ? 'metrics.port' : 'CALLHOUSE_METRICS_PORT',
        mistakes,
      ),
    },
    refresh_ms: whole(top['refresh_ms'], 'refresh_ms', 100, 3_600_000, mistakes) ?? 1_000,
    reconcile_cron: text(top['reconcile_cron'], 'reconcile_cron', mistakes) ?? '15 3 * * *',
    verify_cron: text(top['verify_cron'], 'verify_cron', mistakes) ?? '45 3 * * *',
    log_level: env['CALLHOUSE_LOG_LEVEL'] ?? text(top['log_level'], 'log_level', mistakes) ?? 'info',
    sources: sources(top['sources'], mistakes),
  }
  checkValues(config, mistakes)
  if (mistakes.length > 0)
    throw new CallhouseError(
      'config_invalid',
      `${where} has ${mistakes.length} mistake${mistakes.length > 1 ? 's' : ''}:\n${mistakes.map((m) => `  - ${m}`).join('\n')}`,
      {
        details: { mistakes },
      },
    )
  return deepFreeze(config)
}

function checkValues(config: Config, mistakes: string[]): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(config.warehouse.database)) mistakes.push('warehouse.database: use letters, digits and underscores only')
  if (!['debug', 'info', 'warn', 'error', 'silent'].includes(config.log_level))
    mistakes.push(`log_level: "${config.log_level}" is not one of debug, info, warn, error, silent`)
  for (const key of ['reconcile_cron', 'verify_cron'] as const) checkCron(config[key], key, mistakes)
  if (config.warehouse.url !== undefined && !URL.canParse(config.warehouse.url))
    mistakes.push('warehouse.url: is not a URL such as http://127.0.0.1:8123')
  if (config.database_url !== undefined && !/^postgres(ql)?:\/\//.test(config.database_url)) mistakes.push('database_url: is not a postgres:// URL')
}

function sources(value: unknown, mistakes: string[]): SourceSettings[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) {
    mistakes.push('sources: is not a list')
    return []
  }
  const list = value.map((item, index) => source(item, `sources[${index}]`, mistakes))
  const seen = new Set<string>()
  for (const { id, tenant } of list) {
    if (seen.has(`${tenant}/${id}`)) mistakes.push(`sources: "${id}" of tenant "${tenant}" stands there twice`)
    seen.add(`${tenant}/${id}`)
  }
  return list
}

function source(value: unknown, path: string, mistakes: string[]): SourceSettings {
  const raw = asObject(value, path, mistakes)
  const kind = text(raw['kind'], `${path}.kind`, mistakes)
  const id = text(raw['id'], `${path}.id`, mistakes) ?? ''
  const tenant = text(raw['tenant'], `${path}.tenant`, mistakes) ?? 'default'
  const cron = text(raw['cron'], `${path}.cron`, mistakes)
  const time_zone = text(raw['time_zone'], `${path}.time_zone`, mistakes) ?? 'UTC'
  if (!TENANT_ID.test(id)) mistakes.push(`${path}.id: use lower-case letters, digits, - and _ (at most 63)`)
  if (!TENANT_ID.test(tenant)) mistakes.push(`${path}.tenant: use lower-case letters, digits, - and _ (at most 63)`)
  if (!IANAZone.isValidZone(time_zone)) mistakes.push(`${path}.time_zone: "${time_zone}" is not an IANA time zone such as Europe/Berlin`)
  if (cron !== undefined) checkCron(cron, `${path}.cron`, mistakes)
  const poll_ms = whole(raw['poll_ms'], `${path}.poll_ms`, 100, 86_400_000, mistakes) ?? 30_000
  const options = Object.fromEntries(Object.entries(raw).filter(([key]) => !commonSourceKeys.includes(key)))
  checkOptions(kind, options, path, mistakes)
  return { id, tenant, kind: kind ?? '', poll_ms, cron, time_zone, options }
}

function checkOptions(kind: string | undefined, options: Record<string, unknown>, path: string, mistakes: string[]): void {
  const definition = findDefinition(kind ?? '')
  if (!definition) {
    const known = sourceDefinitions.map((one) => one.kind).join(', ')
    mistakes.push(`${path}.kind: ${kind === undefined ? 'is missing' : `"${kind}" is unknown`}; use one of ${known}`)
    return
  }
  for (const [key, { is_required }] of Object.entries(definition.options))
    if (is_required && options[key] === undefined) mistakes.push(`${path}.${key}: is required for kind ${definition.kind}`)
  unknownKeys(options, Object.keys(definition.options), `${path}.`, mistakes, commonSourceKeys)
}

function checkCron(expression: string, path: string, mistakes: string[]): void {
  try {
    new Cron(expression, { paused: true })
  } catch (thrown) {
    mistakes.push(`${path}: "${expression}" is not a cron expression (${messageOf(thrown)})`)
  }
}

/** Replaces ${NAME} in every string by the environment's value; a name that is not set is a mistake. */
function expand(value: unknown, env: Env, path: string, mistakes: string[]): unknown {
  if (typeof value === 'string')
    return value.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => {
      const found = env[name]
      if (found === undefined) mistakes.push(`${path}: the environment variable ${name} is not set`)
      return found ?? ''
    })
  if (Array.isArray(value)) return value.map((item, index) => expand(item, env, `${path}[${index}]`, mistakes))
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expand(item, env, path ? `${path}.${key}` : key, mistakes)]))
  return value
}

function asObject(value: unknown, path: string, mistakes: string[]): Record<string, unknown> {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  mistakes.push(`${path || 'the file'}: is not a mapping of keys to values`)
  return {}
}

function unknownKeys(value: Record<string, unknown>, known: string[], prefix: string, mistakes: string[], also: string[] = []): void {
  for (const key of Object.keys(value))
    if (!known.includes(key)) mistakes.push(`${prefix}${key}: is not a setting; known here: ${[...known, ...also].join(', ')}`)
}

function text(value: unknown, path: string, mistakes: string[]): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' && value !== '') return value
  mistakes.push(`${path}: is not a text`)
  return undefined
}

function whole(value: unknown, path: string, least: number, most: number, mistakes: string[]): number | undefined {
  if (value === undefined || value === null) return undefined
  const n = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  if (typeof n === 'number' && Number.isInteger(n) && n >= least && n <= most) return n
  mistakes.push(`${path}: is not a whole number between ${least} and ${most}`)
  return undefined
}

function port(value: unknown, path: string, mistakes: string[]): number | undefined {
  return whole(value, path, 0, 65_535, mistakes)
}

function deepFreeze<T extends object>(value: T): T {
  for (const item of Object.values(value)) if (item !== null && typeof item === 'object') deepFreeze(item as object)
  return Object.freeze(value)
}
