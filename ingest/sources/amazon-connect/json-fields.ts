/** A payload's members by name. What is null, missing or empty is not there; what is there and wrong is a FieldError that names the member. */
import { FieldError, timeToMs } from '../../records/field.ts'

export type Json = Record<string, unknown>

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The member as an object; an empty one where it is none. */
export function objectAt(object: Json, name: string): Json {
  const value = object[name]
  return isObject(value) ? value : {}
}

/** The objects in a list; none where it is no list. */
export function listAt(object: Json, name: string): Json[] {
  const value = object[name]
  return Array.isArray(value) ? (value as unknown[]).filter(isObject) : []
}

export function textAt(object: Json, name: string): string {
  const value = object[name]
  if (value === undefined || value === null) return ''
  if (typeof value !== 'string') throw new FieldError(`${name} is not a string`)
  return value
}

/** Epoch milliseconds of an ISO 8601 time with a zone; null where there is none. */
export function timeAt(object: Json, name: string): number | null {
  const value = object[name]
  if (value === undefined || value === null || value === '') return null
  if (typeof value !== 'string') throw new FieldError(`${name} is not an ISO 8601 time with a zone`)
  try {
    return timeToMs(value)
  } catch (thrown) {
    throw thrown instanceof FieldError ? new FieldError(`${name} ${thrown.message}`) : thrown
  }
}

export function requiredTimeAt(object: Json, name: string): number {
  const ms = timeAt(object, name)
  if (ms === null) throw new FieldError(`${name} is required`)
  return ms
}

/** Seconds as milliseconds; 0 where there are none. */
export function secondsAt(object: Json, name: string): number {
  return Math.round((numberAt(object, name) ?? 0) * 1000)
}

/** A number that is not negative; null where there is none. */
export function numberAt(object: Json, name: string): number | null {
  const value = object[name]
  if (value === undefined || value === null) return null
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new FieldError(`${name} is not a number`)
  if (value < 0) throw new FieldError(`${name} is negative`)
  return value
}

/** The id at the end of an ARN: what follows the last slash. */
export function idOf(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1)
}
