/** Reading what RingCentral sends: values that may be missing or odd, and inputs that are accepted or refused as a whole. */
import { createHash } from 'node:crypto'
import { refusalOf } from '../../check-input.ts'
import { FieldError, timeToMs } from '../../records/field.ts'
import type { CanonicalRecord, EntityName } from '../../records/index.ts'
import type { Reject, RejectCode } from '../../source.ts'

export type Json = Record<string, unknown>

/** Why an input is refused; the message names fields and no values. */
export class InputFault extends Error {
  readonly code: RejectCode
  constructor(code: RejectCode, message: string) {
    super(message)
    this.code = code
  }
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object under a key; empty where there is none. */
export function objectAt(item: Json, key: string): Json {
  const value = item[key]
  return isObject(value) ? value : {}
}

/** The objects of the list under a key; empty where there is none. A list with anything else in it is refused. */
export function objectsAt(item: Json, key: string): Json[] {
  const value = item[key]
  if (value === undefined || value === null) return []
  if (!Array.isArray(value) || !value.every(isObject)) throw new InputFault('field_invalid', `${key} is not a list of objects`)
  return value
}

/** An id, which RingCentral writes as a number or a string; undefined without one. */
export function idAt(item: Json, key: string): string | undefined {
  const value = item[key]
  if (typeof value === 'string') return value !== '' && value.isWellFormed() ? value : undefined
  return Number.isSafeInteger(value) ? String(value) : undefined
}

/** An id that must be there. */
export function requiredId(item: Json, key: string): string {
  const id = idAt(item, key)
  if (id === undefined) throw new InputFault('identity_missing', `${key} is missing or no id`)
  return id
}

export function textAt(item: Json, key: string): string | undefined {
  const value = item[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Epoch milliseconds of a time that must be there. */
export function timeAt(item: Json, key: string): number {
  const value = item[key]
  try {
    if (typeof value === 'string') return timeToMs(value)
  } catch (thrown) {
    if (!(thrown instanceof FieldError)) throw thrown
  }
  throw new InputFault('field_invalid', `${key} is not a time between 1970 and 2149 with a zone`)
}

export function optionalTimeAt(item: Json, key: string): number | undefined {
  return item[key] === undefined || item[key] === null || item[key] === '' ? undefined : timeAt(item, key)
}

const LONGEST_SECONDS = 4_294_967

/** Milliseconds of a duration in seconds; 0 where there is none. */
export function secondsAt(item: Json, key: string): number {
  const value = item[key] ?? 0
  if (typeof value !== 'number' || !(value >= 0 && value <= LONGEST_SECONDS))
    throw new InputFault('field_invalid', `${key} is not a number of seconds from 0 to ${LONGEST_SECONDS}`)
  return Math.round(value * 1000)
}

/** An amount of money in millionths, so that amounts can be added; undefined where there is none. */
export function microsAt(item: Json, key: string): number | undefined {
  const value = item[key]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || !(Math.abs(value) < 1e9)) throw new InputFault('field_invalid', `${key} is not an amount`)
  return Math.round(value * 1e6)
}

/** Millionths as a decimal. */
export function decimal(micros: number): string {
  return (micros / 1e6).toFixed(6)
}

/** Where an input stands: by what it is, so a second copy of it is the same dead letter. */
export function positionOf(entity: string, payload: string): string {
  return `${entity}/${createHash('sha256').update(payload).digest('hex')}`
}

/** One input read: its records if every one of them fits its entity, else the input as a reject. */
export function readInput<T extends { records: CanonicalRecord[] }>(entity: EntityName, payload: string, read: () => T): T | { reject: Reject } {
  const position = positionOf(entity, payload)
  try {
    const done = read()
    const refusal = refusalOf(done.records)
    if (refusal) return { reject: { position, entity, code: refusal.code, reason: refusal.reason, payload } }
    for (const item of done.records) item.position = position
    return done
  } catch (thrown) {
    if (!(thrown instanceof InputFault)) throw thrown
    return { reject: { position, entity, code: thrown.code, reason: thrown.message, payload } }
  }
}

/** A record that says that an id is gone. */
export function tombstone(entity: EntityName, native_id: string, anchor_at: number | undefined, version: number, payload?: string): CanonicalRecord {
  const record = { native_id, version, is_deleted: true, ...(anchor_at !== undefined && { anchor_at }), ...(payload !== undefined && { payload }) }
  return { entity, record } as unknown as CanonicalRecord
}
