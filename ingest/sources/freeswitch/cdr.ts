/** A CDR of mod_json_cdr as it is addressed here: variables by name, decoded once, and the channel's profiles, oldest first. */

type Json = Record<string, unknown>

export interface Cdr {
  /** A channel variable, decoded; empty where it is not set. */
  variable(name: string): string
  /** The caller profiles the channel went through: the first is what was dialled, each transfer adds one. */
  profiles: readonly Profile[]
  /** Of the RTP statistics of inbound audio; undefined where there is none. */
  audio(name: string): number | string | undefined
  direction: string
}

export interface Profile {
  text(name: string): string
  /** Ids of channels that this one was made by, and that it made. */
  originators: readonly string[]
  originatees: readonly string[]
  /** Microseconds since 1970, as they came; 0 and nothing are the same. */
  time(name: string): string
}

export interface Decoding {
  /** Whether the sender percent-encodes the values of variables (encode-values). */
  encode_values: boolean
}

/** Undefined when the JSON is no CDR: it has no variables. */
export function cdrOf(parsed: unknown, { encode_values }: Decoding): Cdr | undefined {
  if (!isObject(parsed) || !isObject(parsed['variables'])) return undefined
  const variables = parsed['variables']
  const channel = objectAt(parsed, 'channel_data')
  const audio = objectAt(objectAt(objectAt(parsed, 'callStats'), 'audio'), 'inbound')
  const flow = Array.isArray(parsed['callflow']) ? (parsed['callflow'] as unknown[]) : [parsed['callflow']]
  const variable = (name: string): string => {
    const text = textAt(variables, name)
    return encode_values ? decodeOnce(text) : text
  }
  return {
    variable,
    // Only the values of variables are ever encoded: a profile's are as they are.
    profiles: flow.filter(isObject).map(profileOf).reverse(),
    audio: (name) => {
      const value = audio[name] ?? variables[`rtp_audio_in_${name}`]
      return typeof value === 'number' || typeof value === 'string' ? value : undefined
    },
    direction: variable('direction') || textAt(channel, 'direction'),
  }
}

function profileOf(step: Json): Profile {
  const profile = objectAt(step, 'caller_profile')
  const times = objectAt(step, 'times')
  return {
    text: (name) => textAt(profile, name),
    originators: uuidsAt(profile, 'originator'),
    originatees: uuidsAt(profile, 'originatee'),
    time: (name) => textAt(times, name),
  }
}

/** `{ "originator": { "originator_caller_profiles": [ { "uuid": … } ] } }`, and the same for originatee. */
function uuidsAt(profile: Json, name: string): string[] {
  const others = objectAt(profile, name)[`${name}_caller_profiles`]
  const list = Array.isArray(others) ? (others as unknown[]) : [others]
  return list.filter(isObject).flatMap((other) => textAt(other, 'uuid') || [])
}

/** A value that is not percent-encoded UTF-8 is left as it is: a caller may be called "100%". */
export function decodeOnce(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text.replaceAll(/(%[89A-Fa-f][0-9A-Fa-f])+|%[0-7][0-9A-Fa-f]/g, (run) => {
      try {
        return decodeURIComponent(run)
      } catch {
        return run
      }
    })
  }
}

function textAt(object: Json, name: string): string {
  const value = object[name]
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

function objectAt(object: Json, name: string): Json {
  const value = object[name]
  return isObject(value) ? value : {}
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
