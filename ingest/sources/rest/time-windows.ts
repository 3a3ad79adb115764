/** How a stretch of time is written in a request. */
import { periodMs, type TimeWindow } from './language.ts'

const DAY_MS = 86_400_000
const RESOLUTION_MS: Record<TimeWindow['format'], number> = { epoch_s: 1_000, epoch_ms: 1, iso: 1_000, iso_ms: 1, date: DAY_MS, days_ago: DAY_MS }

/** The shortest window there is; windows begin and end on multiples of the format's own resolution. */
export function shortestMs(window: TimeWindow): number {
  const resolution = RESOLUTION_MS[window.format]
  return Math.max(resolution, roundUp(window.shortest === undefined ? resolution : periodMs(window.shortest), resolution))
}

export function longestMs(window: TimeWindow): number {
  return Math.max(shortestMs(window), periodMs(window.longest))
}

/** The window that begins at or before `from_ms`, to at most `to_ms` but at least its shortest length. */
export function windowFrom(window: TimeWindow, from_ms: number, length_ms: number, to_ms: number): { from_ms: number; to_ms: number } {
  const resolution = RESOLUTION_MS[window.format]
  const begin_ms = Math.floor(from_ms / resolution) * resolution
  const end_ms = Math.min(begin_ms + Math.max(resolution, Math.floor(length_ms / resolution) * resolution), roundUp(to_ms, resolution))
  return { from_ms: begin_ms, to_ms: Math.max(end_ms, begin_ms + resolution) }
}

/** `window.from` and `window.to` as the API wants them. */
export function windowValues(window: TimeWindow, range: { from_ms: number; to_ms: number }, now_ms: number): Record<string, string | number> {
  // Times in ISO can have fractions: there the end is listed twice rather than the second before it in part.
  const has_fractions = window.format === 'iso' || window.format === 'iso_ms'
  const last_ms = window.to === 'inclusive' && !has_fractions ? range.to_ms - RESOLUTION_MS[window.format] : range.to_ms
  return { 'window.from': written(window.format, range.from_ms, now_ms), 'window.to': written(window.format, last_ms, now_ms) }
}

function written(format: TimeWindow['format'], time_ms: number, now_ms: number): string | number {
  switch (format) {
    case 'epoch_s':
      return Math.floor(time_ms / 1_000)
    case 'epoch_ms':
      return time_ms
    case 'iso':
      return `${new Date(time_ms).toISOString().slice(0, 19)}Z`
    case 'iso_ms':
      return new Date(time_ms).toISOString()
    case 'date':
      return new Date(time_ms).toISOString().slice(0, 10)
    case 'days_ago':
      return Math.floor(now_ms / DAY_MS) - Math.floor(time_ms / DAY_MS)
  }
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step
}
