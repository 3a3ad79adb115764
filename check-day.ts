/** A day as the verbs take it. */
import { CallhouseError } from './errors.ts'

/** Throws range_invalid when it is not a day of the calendar, written YYYY-MM-DD. */
export function checkDay(day: string): void {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(day) : NaN
  if (!Number.isFinite(ms) || new Date(ms).toISOString().slice(0, 10) !== day)
    throw new CallhouseError('range_invalid', `"${day}" is not a day such as 2026-11-01.`)
}

/** Both ends of a range of days, where they are given. */
export function checkDays({ from, to }: { from?: string | undefined; to?: string | undefined }): void {
  for (const day of [from, to]) if (day !== undefined) checkDay(day)
  if (from !== undefined && to !== undefined && from > to) throw new CallhouseError('range_invalid', `--from ${from} is after --to ${to}.`)
}
