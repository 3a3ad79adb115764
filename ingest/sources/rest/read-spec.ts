/** A source's YAML, checked from end to end: every mistake is told at once, with its path. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { Ajv, type ValidateFunction } from 'ajv'
import { parseDocument } from 'yaml'
import { CallhouseError, messageOf } from '../../../errors.ts'
import { FieldError } from '../../records/field.ts'
import { findEntity } from '../../records/index.ts'
import { isZone } from './convert-value.ts'
import {
  authSchemas,
  mappingSchema,
  pagingSchemas,
  recordSchema,
  specSchema,
  streamSchema,
  type Mapping,
  type RestSpec,
  type StreamSpec,
} from './language.ts'
import { compilePath, compileTemplate } from './paths.ts'

const BUILT_IN = new URL('./builtin/', import.meta.url)
const ajv = new Ajv({ allErrors: true, strict: false })
const validators = new Map<object, ValidateFunction>()

type Mistakes = string[]
type Thing = Record<string, unknown>

/** The names of the systems that come with Callhouse. */
export function builtInNames(): string[] {
  return readdirSync(BUILT_IN)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -'.yaml'.length))
    .toSorted()
}

/** Reads a built-in by its name, or a file. Throws config_invalid that lists every mistake. */
export function loadSpec(name: string): RestSpec {
  const file = builtInNames().includes(name) ? new URL(`${name}.yaml`, BUILT_IN) : name
  if (!existsSync(file))
    throw new CallhouseError('config_invalid', `spec "${name}" is neither a file nor a built-in. Built in: ${builtInNames().join(', ')}.`)
  return parseSpec(readFileSync(file, 'utf8'), name)
}

/** The same for a text; `where` names it in messages. */
export function parseSpec(text: string, where: string): RestSpec {
  const document = parseDocument(text, { merge: true })
  const broken = document.errors[0]
  if (broken) throw new CallhouseError('config_invalid', `${where} is not YAML: ${broken.message}`)
  const mistakes: Mistakes = []
  const spec = normalize(document.toJS({ maxAliasCount: 1_000 }), mistakes)
  if (mistakes.length === 0) return spec
  const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`
  throw new CallhouseError('config_invalid', `${where} has ${count}:\n${mistakes.map((one) => `  - ${one}`).join('\n')}`, { details: { mistakes } })
}

function normalize(raw: unknown, mistakes: Mistakes): RestSpec {
  if (!check(specSchema, raw, '', mistakes)) return raw as RestSpec
  const spec = raw as Thing
  const streams = Object.entries(spec['streams'] as Thing).map(([name, stream]) => [name, streamOf(stream, `streams.${name}`, mistakes)])
  if (streams.length === 0) mistakes.push('streams: has none')
  const auth = ofType(authSchemas, spec['auth'], 'auth', mistakes)
  const whole = { ...spec, auth, streams: Object.fromEntries(streams) as Record<string, StreamSpec> } as unknown as RestSpec
  const known = new Set([...Object.keys(whole.credentials ?? {}), ...Object.keys(whole.values ?? {})])
  checkNames({ auth, base_url: whole.base_url, check: whole.check.path }, known, [], mistakes, '')
  for (const [name, stream] of Object.entries(whole.streams)) {
    const { request, job } = stream
    checkNames({ request, job }, known, ['window.from', 'window.to', 'job.id'], mistakes, `streams.${name}.`)
  }
  return whole
}

function streamOf(raw: unknown, path: string, mistakes: Mistakes): StreamSpec {
  if (!check(streamSchema, raw, path, mistakes)) return raw as StreamSpec
  const stream = raw as Thing
  if ((stream['request'] === undefined) === (stream['job'] === undefined)) mistakes.push(`${path}: needs a request or a job, and not both`)
  if (stream['job'] !== undefined && stream['paging'] !== undefined) mistakes.push(`${path}.paging: a job's result has no pages`)
  if (stream['cap'] !== undefined && stream['window'] === undefined) mistakes.push(`${path}.cap: only a window can be made smaller; give one`)
  if (stream['window'] === undefined && stream['look_back'] !== undefined)
    mistakes.push(`${path}.look_back: without a window everything is listed anyway`)
  for (const key of ['items', 'total']) checkPath(stream[key], `${path}.${key}`, mistakes)
  const paging = ofType(pagingSchemas, stream['paging'] ?? { type: 'none' }, `${path}.paging`, mistakes)
  if ((paging['type'] === 'page' || paging['type'] === 'offset') && paging['size'] === undefined && paging['pages'] === undefined)
    mistakes.push(`${path}.paging.size: is needed, for a shorter page is the last one`)
  const records = (stream['records'] as unknown[]).map((record, n) => recordOf(record, `${path}.records[${n}]`, mistakes))
  return { ...stream, paging, records } as unknown as StreamSpec
}

/** A record of a mapping; also that of a files source. What is wrong with it is added to the mistakes. */
export function recordOf(raw: unknown, path: string, mistakes: Mistakes): unknown {
  if (!check(recordSchema, raw, path, mistakes)) return raw
  const record = raw as Thing
  const entity = findEntity(String(record['entity']))
  const mapping = (key: string): Mapping | undefined => (record[key] === undefined ? undefined : mappingOf(record[key], `${path}.${key}`, mistakes))
  checkPath(record['each'], `${path}.each`, mistakes)
  const fields = Object.fromEntries(
    Object.entries(record['fields'] as Thing).map(([name, one]) => [name, mappingOf(one, `${path}.fields.${name}`, mistakes)]),
  )
  if (!entity) mistakes.push(`${path}.entity: "${String(record['entity'])}" is no entity`)
  else {
    for (const [name, one] of Object.entries(fields)) {
      const field = entity.fields[name]
      if (!field) mistakes.push(`${path}.fields.${name}: ${entity.name} has no such field`)
      else for (const [value, at] of literals(one)) checkLiteral(field, value, `${path}.fields.${name}${at}`, mistakes)
      for (const other of one.between ?? [])
        if (!fields[other]) mistakes.push(`${path}.fields.${name}.between: "${other}" is not among the mapped fields`)
    }
    for (const [name, field] of Object.entries(entity.fields))
      if (field.required && !fields[name]) mistakes.push(`${path}.fields.${name}: is required by ${entity.name}`)
  }
  return { ...record, native_id: mapping('native_id'), anchor_at: mapping('anchor_at'), version: mapping('version'), fields }
}

/** A text is short for a path, or with braces for a template. */
function mappingOf(raw: unknown, path: string, mistakes: Mistakes): Mapping {
  const long = typeof raw === 'string' ? (raw.includes('{') ? { template: raw } : { from: raw }) : raw
  if (!check(mappingSchema, long, path, mistakes)) return {}
  const mapping = long as Mapping
  const sources = (['from', 'const', 'template', 'between', 'first_of'] as const).filter((key) => mapping[key] !== undefined)
  if (sources.length !== 1) mistakes.push(`${path}: give one of from, const, template, between, first_of`)
  checkPath(mapping.from, `${path}.from`, mistakes)
  for (const [n, { from }] of (mapping.when ?? []).entries()) checkPath(from, `${path}.when[${n}].from`, mistakes)
  if (mapping.template !== undefined) complain(`${path}.template`, mistakes, () => compileTemplate(mapping.template!))
  if (mapping.zone !== undefined && mapping.zone !== 'source' && !isZone(mapping.zone))
    mistakes.push(`${path}.zone: "${mapping.zone}" is not an IANA time zone such as Europe/Berlin, nor "source"`)
  if (mapping.otherwise !== undefined && !mapping.map) mistakes.push(`${path}.otherwise: only a map needs one`)
  if (!mapping.first_of) return mapping
  return { ...mapping, first_of: mapping.first_of.map((one, n) => mappingOf(one, `${path}.first_of[${n}]`, mistakes)) }
}

/** What a mapping says outright, which must fit the field it is for. */
function* literals(mapping: Mapping): Generator<[unknown, string]> {
  for (const key of ['const', 'default', 'otherwise'] as const) if (mapping[key] !== undefined) yield [mapping[key], `.${key}`]
  for (const [key, value] of Object.entries(mapping.map ?? {})) yield [value, `.map.${key}`]
  for (const [n, one] of ((mapping.first_of ?? []) as Mapping[]).entries())
    for (const [value, at] of literals(one)) yield [value, `.first_of[${n}]${at}`]
}

function checkLiteral(field: { encode(value: unknown): unknown }, value: unknown, path: string, mistakes: Mistakes): void {
  try {
    field.encode(value)
  } catch (thrown) {
    if (!(thrown instanceof FieldError)) throw thrown
    mistakes.push(`${path}: ${thrown.message}`)
  }
}

function ofType(schemas: object, raw: unknown, path: string, mistakes: Mistakes): Thing {
  const type = typeof raw === 'object' && raw !== null ? (raw as Thing)['type'] : undefined
  const schema = typeof type === 'string' && Object.hasOwn(schemas, type) ? (schemas as Record<string, object>)[type] : undefined
  if (schema) check(schema, raw, path, mistakes)
  else mistakes.push(`${path}.type: is not one of ${Object.keys(schemas).join(', ')}`)
  return schema ? (raw as Thing) : { type: 'none' }
}

/** Every `{name}` of a request must be something that will be known. */
function checkNames(value: unknown, known: ReadonlySet<string>, also: readonly string[], mistakes: Mistakes, path: string): void {
  if (typeof value === 'string') {
    for (const [, name = ''] of value.matchAll(/\{([^{}]*)\}/g))
      if (!known.has(name) && !also.includes(name)) mistakes.push(`${path}: "{${name}}" is neither a credential nor a value of this source`)
  } else if (typeof value === 'object' && value !== null)
    for (const [key, one] of Object.entries(value))
      checkNames(one, known, also, mistakes, path === '' || path.endsWith('.') ? path + key : `${path}.${key}`)
}

function checkPath(path: unknown, where: string, mistakes: Mistakes): void {
  if (typeof path === 'string') complain(where, mistakes, () => compilePath(path))
}

function complain(where: string, mistakes: Mistakes, attempt: () => unknown): void {
  try {
    attempt()
  } catch (thrown) {
    mistakes.push(`${where}: ${messageOf(thrown)}`)
  }
}

function check(schema: object, value: unknown, path: string, mistakes: Mistakes): boolean {
  let validate = validators.get(schema)
  if (!validate) validators.set(schema, (validate = ajv.compile(schema)))
  if (validate(value)) return true
  for (const error of validate.errors ?? []) {
    const params = error.params as Record<string, unknown>
    const extra = params['additionalProperty'] ?? params['missingProperty']
    const at = path + error.instancePath.replace(/\/(\d+)(?=\/|$)/g, '[$1]').replaceAll('/', '.') + (typeof extra === 'string' ? `.${extra}` : '')
    const allowed = Array.isArray(params['allowedValues']) ? `: ${params['allowedValues'].join(', ')}` : ''
    const what =
      error.keyword === 'additionalProperties' ? 'is not a word of the language' : error.keyword === 'required' ? 'is missing' : error.message
    mistakes.push(`${at.replace(/^\./, '') || 'the file'}: ${what}${allowed}`)
  }
  return false
}
