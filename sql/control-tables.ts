/**
 * What the control plane holds, as types: one interface per table of
 * sql/control/*. Whole numbers are JavaScript numbers, times are Dates.
 */
import type { ColumnType, Generated, Insertable, Selectable } from 'kysely'

/** Set when the row is made, never changed after. */
type Fixed<T> = ColumnType<T, T, never>

export interface ControlTables {
  tenants: TenantsTable
  api_keys: ApiKeysTable
  sources: SourcesTable
  checkpoints: CheckpointsTable
  runs: RunsTable
  audit: AuditTable
  audit_head: AuditHeadTable
  generations: GenerationsTable
  leases: LeasesTable
  pseudonym_keys: PseudonymKeysTable
  idempotency_keys: IdempotencyKeysTable
}

export interface TenantsTable {
  id: Fixed<string>
  name: string
  time_zone: string
  created_at: Generated<Date>
}

export interface ApiKeysTable {
  id: Fixed<string>
  tenant_id: Fixed<string>
  name: string
  /** The first characters of the key: enough to recognise it, too few to use it. */
  prefix: Fixed<string>
  /** SHA-256 of the whole key, in hex. */
  hash: Fixed<string>
  scopes: Fixed<string[]>
  created_at: Generated<Date>
  expires_at: Date | null
  last_used_at: Date | null
  revoked_at: Date | null
}

export interface SourcesTable {
  tenant_id: Fixed<string>
  id: Fixed<string>
  kind: string
  /** Written as JSON text. */
  config: ColumnType<unknown, string, string>
  created_at: Generated<Date>
  updated_at: Generated<Date>
}

export interface CheckpointsTable {
  tenant_id: Fixed<string>
  source_id: Fixed<string>
  stream: Fixed<string>
  /** Written as JSON text. */
  value: ColumnType<unknown, string, string>
  updated_at: Generated<Date>
}

export interface RunsTable {
  id: Fixed<string>
  /** The order of their starts, which times alone do not tell apart. */
  seq: Generated<number>
  tenant_id: Fixed<string>
  source_id: Fixed<string>
  kind: Fixed<string>
  status: string
  inputs: Generated<number>
  accepted: Generated<number>
  rejected: Generated<number>
  error: string | null
  started_at: Generated<Date>
  finished_at: Date | null
}

export interface AuditTable {
  seq: Fixed<number>
  at: Fixed<Date>
  actor: Fixed<string>
  tenant_id: Fixed<string | null>
  action: Fixed<string>
  object: Fixed<string>
  /** Written as JSON text. */
  detail: ColumnType<unknown, string | null, never>
  previous_hash: Fixed<string>
  hash: Fixed<string>
}

/** One row: the last link of the chain, so that a cut-off end is noticed. */
export interface AuditHeadTable {
  only: Generated<boolean>
  seq: number
  hash: string
}

export interface GenerationsTable {
  name: string
  value: number
}

export interface LeasesTable {
  name: string
  holder: string
  /** Counts the holders; a write that carries an older one is a late one. */
  fence: number
  expires_at: Date
}

export type AuditRow = Selectable<AuditTable>
export type NewAuditRow = Insertable<AuditTable>

export interface PseudonymKeysTable {
  tenant_id: Fixed<string>
  key: Fixed<string>
}

export interface IdempotencyKeysTable {
  tenant_id: Fixed<string>
  /** SHA-256 of the key and of the request, in hex. */
  key_hash: Fixed<string>
  request_hash: Fixed<string>
  /** Null while the request is under way. */
  answer: ColumnType<unknown, string | null, string | null>
  claimed_at: Date
}
