/** An item of a source as canonical records, by what its YAML says. */
import { createHash } from 'node:crypto'
import { encodeRecord } from '../../encode-record.ts'
import type { Envelope, Fields } from '../../records/entity.ts'
import { FieldError } from '../../records/field.ts'
import { entities, type CanonicalRecord, type EntityName } from '../../records/index.ts'
import { RowBuffer } from '../../row-buffer.ts'
import type { RejectCode } from '../../source.ts'
import { convertValue, type ValueType } from './convert-value.ts'
import type { Condition, Mapping, RecordSpec } from './language.ts'
import { compilePath, compileTemplate, scalarText, type Scope } from './paths.ts'

export interface Fault {
  code: RejectCode
  reason: string
  entity?: string
}

export interface Mapped {
  records: CanonicalRecord[]
  /** The first thing wrong with the item; what could be read of it is in `records` all the same. */
  fault?: Fault
}

/** `observed_ms` versions the records of a source that has no update time. */
export type ItemMapper = (item: unknown, payload: string, observed_ms: number) => Mapped

type Read = (scope: Scope, record: Readonly<Record<string, unknown>>) => unknown

/** Compiles the mappings once; throws an Error for a path that is none. */
export function compileMapper(specs: readonly RecordSpec[]): ItemMapper {
  const makers = specs.map(compileRecord)
  return (item, payload, observed_ms) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item))
      return { records: [], fault: { code: 'identity_missing', reason: 'the item is not an object' } }
    const position = positionOf(payload)
    const mapped: Mapped = { records: [] }
    for (const make of makers) make(item, payload, observed_ms, position, mapped)
    return mapped
  }
}

/** Where an item stands: by its content, so that it is the same on every re-read. */
export function positionOf(payload: string): string {
  return createHash('sha256').update(payload).digest('hex')
}

type Maker = (item: object, payload: string, observed_ms: number, position: string, into: Mapped) => void

function compileRecord(spec: RecordSpec): Maker {
  const entity = entities[spec.entity as EntityName]
  const fields: Fields = entity.fields
  const each = spec.each === undefined ? undefined : compilePath(spec.each)
  const when = compileConditions(spec.when)
  const deleted = spec.deleted && compileConditions(spec.deleted)
  const native_id = compileMapping(spec.native_id, 'text')
  const anchor_at = spec.anchor_at && compileMapping(spec.anchor_at, 'time')
  const version = spec.version && compileMapping(spec.version, spec.version.format === undefined ? 'whole' : 'time')
  const readers = Object.entries(spec.fields)
    .map(([name, mapping]) => ({ name, is_last: usesBetween(mapping), read: compileMapping(mapping, typeOf(name, fields[name]?.column)) }))
    .toSorted((a, b) => Number(a.is_last) - Number(b.is_last))

  const build = (scope: Scope, payload: string, observed_ms: number): Record<string, unknown> => {
    const record: Record<string, unknown> = {}
    const id = named('native_id', () => native_id(scope, record))
    if (id === undefined || id === '') throw new FieldError('native_id is missing')
    record['native_id'] = id
    if (anchor_at) {
      const anchor_ms = named('anchor_at', () => anchor_at(scope, record))
      if (anchor_ms === undefined) throw new FieldError('anchor_at is missing')
      record['anchor_at'] = anchor_ms
    }
    record['version'] = version ? named('version', () => version(scope, record)) : observed_ms
    record['is_deleted'] = deleted?.(scope) ?? false
    for (const { name, read } of readers) {
      const value = named(name, () => read(scope, record))
      if (value !== undefined) record[name] = value
    }
    record['payload'] = payload
    return record
  }

  return (item, payload, observed_ms, position, into) => {
    const whole: Scope = { item, whole: item, index: 0 }
    const listed = each ? each(whole) : undefined
    if (each && listed !== undefined && listed !== null && !Array.isArray(listed)) {
      into.fault ??= { code: 'field_invalid', reason: `${spec.each} is not a list`, entity: spec.entity }
      return
    }
    const scopes = each ? ((listed as unknown[] | null | undefined) ?? []).map((element, index) => ({ item: element, whole: item, index })) : [whole]
    for (const scope of scopes) {
      if (!when(scope)) continue
      try {
        const record = build(scope, payload, observed_ms)
        // The same check as the loader's: an item is one reject, however many of its records are wrong.
        encodeRecord(entity, record as unknown as Envelope & Record<string, unknown>, NOWHERE, NO_ROWS)
        into.records.push({ entity: spec.entity, record, position, input: payload } as unknown as CanonicalRecord)
      } catch (thrown) {
        if (!(thrown instanceof FieldError)) throw thrown
        const is_identity = /^(native_id|anchor_at|version) (is missing|is required)/.test(thrown.message) || thrown.message.startsWith('native_id')
        into.fault ??= { code: is_identity ? 'identity_missing' : 'field_invalid', reason: thrown.message, entity: spec.entity }
      }
    }
  }
}

/** Takes rows and keeps none: what counts is whether they can be written. */
class NoRows extends RowBuffer {
  override add(): void {
    // Nothing is kept.
  }
}

const NO_ROWS = new NoRows()
const NOWHERE = { tenant_id: '', source_id: '', observed_at: '' }

/** How a field's values are read unless its mapping says. */
function typeOf(name: string, column = ''): ValueType {
  if (column.includes('DateTime64')) return 'time'
  if (column.includes('Decimal')) return 'money'
  if (name.endsWith('_ms') && column.includes('UInt32')) return 'duration'
  if (column.includes('UInt32')) return 'whole'
  if (column.includes('Float64')) return 'number'
  return column === 'Bool' ? 'boolean' : 'text'
}

/** Such a field is read after those it is made of. */
function usesBetween({ between, first_of }: Mapping): boolean {
  return between !== undefined || (first_of as Mapping[] | undefined)?.some(usesBetween) === true
}

function compileMapping(mapping: Mapping, implied: ValueType): Read {
  const read = compileSource(mapping, implied)
  const type = mapping.type ?? implied
  const empty = new Set(['', ...(mapping.empty ?? [])])
  const when = compileConditions(mapping.when)
  const { map } = mapping
  // What is said outright needs no reading: a constant, the end of a map, the parts of first_of.
  const isFinal = mapping.const !== undefined || mapping.first_of !== undefined || mapping.between !== undefined
  return (scope, record) => {
    if (!when(scope)) return undefined
    const value = read(scope, record)
    const text = scalarText(value)
    if (value === undefined || value === null || (text !== undefined && empty.has(text))) return mapping.default
    if (isFinal) return value
    if (!map) return convertValue(value, type, mapping)
    if (text !== undefined && Object.hasOwn(map, text)) return map[text]
    if (mapping.otherwise === undefined) throw new FieldError('is none of the values its mapping knows')
    return mapping.otherwise
  }
}

function compileSource(mapping: Mapping, implied: ValueType): Read {
  if (mapping.const !== undefined) return () => mapping.const
  if (mapping.template !== undefined) return compileTemplate(mapping.template)
  if (mapping.from !== undefined) return compilePath(mapping.from)
  if (mapping.first_of) {
    const choices = (mapping.first_of as Mapping[]).map((choice) => compileMapping(choice, mapping.type ?? implied))
    return (scope, record) => {
      for (const choice of choices) {
        const value = choice(scope, record)
        if (value !== undefined) return value
      }
      return undefined
    }
  }
  const [begin = '', end = ''] = mapping.between ?? []
  return (_, record) => {
    const [from_ms, to_ms] = [record[begin], record[end]]
    if (typeof from_ms !== 'number' || typeof to_ms !== 'number') return undefined
    if (to_ms < from_ms) throw new FieldError(`is negative: ${end} is before ${begin}`)
    return to_ms - from_ms
  }
}

function compileConditions(conditions: readonly Condition[] | undefined): (scope: Scope) => boolean {
  const tests = (conditions ?? []).map((condition) => {
    const read = compilePath(condition.from)
    return (scope: Scope): boolean => holds(condition, read(scope))
  })
  return (scope) => tests.every((test) => test(scope))
}

function holds(condition: Condition, value: unknown): boolean {
  const is_present = value !== undefined && value !== null && value !== ''
  if (condition.present !== undefined && condition.present !== is_present) return false
  if (condition.is !== undefined && !isSame(value, condition.is)) return false
  if (condition.in && !condition.in.some((one) => isSame(value, one))) return false
  if (condition.contains === undefined) return true
  const list = Array.isArray(value) ? value : typeof value === 'string' ? value.split(',').map((word) => word.trim()) : []
  return list.some((one) => isSame(one, condition.contains))
}

/** As texts, for a CSV has nothing else. */
function isSame(value: unknown, wanted: unknown): boolean {
  const text = scalarText(value)
  return text === undefined ? value === wanted : text === scalarText(wanted)
}

function named<T>(field: string, read: () => T): T {
  try {
    return read()
  } catch (thrown) {
    throw thrown instanceof FieldError ? new FieldError(`${field} ${thrown.message}`) : thrown
  }
}
