/**
 * What a kind of source says of itself. The configuration is checked by it,
 * `callhouse sources add` asks by it, and docs/sources.md is generated from it.
 */
import type { EntityName } from '../records/index.ts'
import type { Source } from '../source.ts'

export interface SourceDefinition {
  /** `kind` in the configuration. */
  readonly kind: string
  readonly spec: SourceSpec
  readonly options: Readonly<Record<string, SourceOption>>
  /** Makes a source of its options; throws config_invalid for values it cannot work with. */
  create(settings: SourceSetup): Source
}

/** In a sentence or less each, for people who must decide whether to trust it. */
export interface SourceSpec {
  title: string
  entities: readonly EntityName[]
  auth: string
  /** By what changes are found. */
  cursor: string
  /** How far back is read again, and why. */
  look_back: string
  rate_limits: string
  /** What arrives, or changes, after a record was first seen. */
  late_fields: string
}

export interface SourceOption {
  about: string
  is_required?: true
  /** Belongs in the environment, and is never printed. */
  is_secret?: true
}

/** A source as configured: whose it is, its zone, and the options of its kind. */
export type SourceSetup = { id: string; tenant: string; time_zone?: string } & Readonly<Record<string, unknown>>
