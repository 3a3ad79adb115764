/** FreeSWITCH's times: whole seconds in `*_epoch`, microseconds in `*_uepoch` and in the callflow; 0 is "never". */

/** Epoch milliseconds of a channel's time, from the microseconds where they are there; null for never. A time that is no number stays one that no field takes. */
export function channelTime(variable: (name: string) => string, name: string): number | null {
  return fromMicros(variable(`${name}_uepoch`)) ?? fromSeconds(variable(`${name}_epoch`))
}

/** Epoch milliseconds, cut and not rounded: rounding could move a time into the next second. */
export function fromMicros(text: string): number | null {
  return numberOf(text, (micros) => Math.floor(micros / 1000))
}

export function fromSeconds(text: string): number | null {
  return numberOf(text, (seconds) => seconds * 1000)
}

function numberOf(text: string, toMs: (n: number) => number): number | null {
  if (text === '' || text === '0') return null
  return /^-?\d+$/.test(text) ? toMs(Number(text)) : NaN
}

/** How long something took; NaN and less than nothing are kept, so that the field refuses them. */
export function elapsed(from_ms: number | null, to_ms: number | null): number | undefined {
  return from_ms === null || to_ms === null ? undefined : to_ms - from_ms
}
