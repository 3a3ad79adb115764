/**
 * What a canonical record is: its identity, its version, the days it touches,
 * and its fields. One file beside this one per group of entities.
 */
import type { Field } from './field.ts'

export type Fields = Readonly<Record<string, Field<unknown>>>

/** The name of a field that may be left out of a record. */
type OptionalKeys<F extends Fields> = { [K in keyof F]: undefined extends FieldType<F[K]> ? K : never }[keyof F]
type FieldType<X> = X extends Field<infer T> ? T : never

/** The TypeScript shape of a record's fields, as a source gives them. */
export type FieldValues<F extends Fields> = { [K in Exclude<keyof F, OptionalKeys<F>>]: FieldType<F[K]> } & {
  [K in OptionalKeys<F>]?: FieldType<F[K]>
}

/** What every record carries beside its own fields. */
export interface Envelope {
  /** The source's own id of the record; with tenant and source it is the record's identity. */
  native_id: string
  /**
   * A time the source never changes for this id (its creation time, or a time
   * that is part of the id). It decides where the record is stored, so two
   * versions of one record must carry the same. Records with no such time leave
   * it out: they are stored under 1970-01-01, exact but without locality.
   */
  anchor_at?: string | number | null
  /**
   * Orders the versions of a record: the source's update time in epoch
   * milliseconds, or a counter of content changes. Highest wins; equal versions
   * with different content are settled by a hash of the content.
   */
  version: number
  /** True when the source says the record is gone. */
  is_deleted?: boolean
  /** The source's own JSON or line; kept as it came. Defaults to the record as JSON. */
  payload?: string
}

export interface Entity<N extends string = string, F extends Fields = Fields> {
  /** The entity's name, which is also its core table's. */
  readonly name: N
  readonly fields: F
  /**
   * The time fields that bound the days a record counts on, first to last. A
   * record touches every UTC day from the first that is set to the last that is
   * set. Empty for entities that no fact table reads by time.
   */
  readonly span: readonly string[]
}

/** A record of one entity, as sources and streams deliver it. */
export type RecordOf<E extends Entity> = Envelope & FieldValues<E['fields']>

export function entity<const N extends string, F extends Fields>(name: N, span: readonly (keyof F & string)[], fields: F): Entity<N, F> {
  return Object.freeze({ name, span, fields })
}
