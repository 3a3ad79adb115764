/** Page cursors: where a page ended and which question it belongs to, opaque to clients. */
import { createHash } from 'node:crypto'
import { CallhouseError } from '../errors.ts'
import type { Position } from './table-query.ts'
import type { TimeRange } from './time-range.ts'

/** Identifies the question, so a cursor cannot silently continue another one. */
function questionOf(entity: string, range: TimeRange): string {
  return createHash('sha256')
    .update(JSON.stringify([entity, range.from_ms, range.to_ms]))
    .digest('base64url')
    .slice(0, 8)
}

/** A cursor that continues after `last`. */
export function writeCursor(entity: string, range: TimeRange, last: Position): string {
  return Buffer.from(JSON.stringify([questionOf(entity, range), last.anchor_day, last.source_id, last.native_id])).toString('base64url')
}

/** The position a cursor names; throws `cursor_invalid` for anything we did not write for this question. */
export function readCursor(entity: string, range: TimeRange, cursor: string): Position {
  const parts = parse(cursor)
  if (!parts)
    throw new CallhouseError(
      'cursor_invalid',
      'This cursor was not written by this API. Take next_cursor from the page before, or leave it out to start.',
    )
  const [question, anchor_day, source_id, native_id] = parts
  if (question !== questionOf(entity, range))
    throw new CallhouseError(
      'cursor_invalid',
      'This cursor belongs to another entity or time range. Keep both as they were for the page before, or start without a cursor.',
    )
  return { anchor_day, source_id, native_id }
}

function parse(cursor: string): [string, string, string, string] | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (!Array.isArray(parts) || parts.length !== 4 || !parts.every((part) => typeof part === 'string')) return undefined
    const [question, anchor_day, source_id, native_id] = parts as [string, string, string, string]
    return /^\d{4}-\d\d-\d\d$/.test(anchor_day) && !Number.isNaN(Date.parse(anchor_day)) ? [question, anchor_day, source_id, native_id] : undefined
  } catch {
    return undefined
  }
}
