/** Pieces several routes share: time ranges, answers that stream, problems. */
import { Type } from 'typebox'

/** One of a few words, as OpenAPI and error messages like it: a single enum. */
export function oneOf<const W extends readonly string[]>(words: W, options: { default?: W[number]; description?: string } = {}) {
  return Type.Unsafe<W[number]>({ type: 'string', enum: words, ...options })
}

const from = Type.String({ description: 'First instant: a day (2026-03-01, read in tz) or a time with its zone' })
const to = Type.String({ description: 'First instant after the range; not part of it' })
const tz = Type.String({ description: 'IANA time zone that days are read in', default: 'UTC', maxLength: 64 })

/** Parameters of every route that takes a time range. */
export const range = { from: Type.Optional(from), to: Type.Optional(to), tz: Type.Optional(tz) }

export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable; docs/errors.md lists them all' }),
    detail: Type.String({ description: 'What happened and what to do' }),
    instance: Type.String({ description: 'The request id, also in the server log' }),
  },
  { title: 'Problem', description: 'application/problem+json', additionalProperties: true },
)

/** The answers of a route: what it gives, and the problem document for everything else. They document; no answer is cut to them. */
export function answers(ok: unknown): unknown {
  return { 200: ok, default: { description: 'What went wrong', content: { 'application/problem+json': { schema: Problem } } } }
}

/** A streamed answer, by media type. */
export function streamed(description: string, mediaTypes: readonly string[]): unknown {
  const content = Object.fromEntries(mediaTypes.map((type) => [type, { schema: Type.String({ format: 'binary' }) }]))
  return answers({ description, content })
}
