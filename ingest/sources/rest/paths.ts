/** Paths into an item (`user.id`, `legs[0].to`), and texts with paths in braces. */

/** What a path can reach: the item, or with `^` the whole item around an element of it; `#` is the element's place. */
export interface Scope {
  item: unknown
  whole: unknown
  index: number
}

export type Reader = (scope: Scope) => unknown

const STEP = /^([^.[\]]+)((?:\[\d+\])*)$/

/** Reads what is at a path; throws an Error that says what is wrong with the path. */
export function compilePath(path: string): Reader {
  if (path === '#') return ({ index }) => index
  if (path === '.') return ({ item }) => item
  const from_whole = path.startsWith('^')
  const steps = (from_whole ? path.slice(1) : path).split('.').flatMap((part) => {
    const [, name, places] = STEP.exec(part) ?? []
    if (name === undefined) throw new Error(`"${path}" is not a path such as user.id or legs[0].to`)
    return [name, ...[...(places ?? '').matchAll(/\d+/g)].map(([place]) => place)]
  })
  return ({ item, whole }) => steps.reduce<unknown>(member, from_whole ? whole : item)
}

function member(value: unknown, step: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, step) ? (value as Record<string, unknown>)[step] : undefined
}

/** The value at a path of an answer. */
export function valueAt(answer: unknown, path: string): unknown {
  return compilePath(path)({ item: answer, whole: answer, index: 0 })
}

/** A text whose braces are filled from paths; undefined when one of them has nothing. Throws an Error for a wrong path. */
export function compileTemplate(template: string): (scope: Scope) => string | undefined {
  const parts = template.split(/\{([^{}]*)\}/)
  const readers = parts.map((part, n) => (n % 2 === 1 ? compilePath(part) : part))
  return (scope) => {
    let text = ''
    for (const part of readers) {
      const value = typeof part === 'string' ? part : part(scope)
      const filled = scalarText(value)
      if (filled === undefined || (typeof part !== 'string' && filled === '')) return undefined
      text += filled
    }
    return text
  }
}

/** What is no object, as text; an object is no text. */
export function scalarText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

/** Fills `{name}` in every text of a request from values; a text that is one name alone becomes that value. */
export function fill<T>(shape: T, values: Readonly<Record<string, unknown>>): T {
  const filled = (value: unknown): unknown => {
    if (typeof value === 'string') {
      const [, alone] = /^\{([^{}]*)\}$/.exec(value) ?? []
      if (alone !== undefined && Object.hasOwn(values, alone)) return values[alone]
      return value.replace(/\{([^{}]*)\}/g, (braces, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : braces))
    }
    if (Array.isArray(value)) return value.map(filled)
    if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, filled(one)]))
    return value
  }
  return filled(shape) as T
}
