/** SQL for the start of the local bucket a fact row falls into, as DateTime in the request's zone. */
import { grainSeconds, type Grain } from './time-range.ts'

/**
 * Below a day, the local clock is floored by the offset of that very instant,
 * so an hour that happens twice makes two rows, and zones at :30 or :45 are
 * right. `shifts` keeps a floor from reaching back over a clock shift that is
 * not a multiple of the grain. A fact of calendar days has no instant: its day
 * is that day in every zone.
 */
export function timeExpression(grain: Grain, daily: boolean, shifts: boolean): string | undefined {
  const calendar = daily ? '' : ', {tz:String}'
  const instant = daily ? 'day' : 'bucket_start'
  switch (grain) {
    case 'none':
      return undefined
    case '1d':
      return `toDateTime(${daily ? 'day' : 'toDate(bucket_start, {tz:String})'}, {tz:String})`
    case '1w':
      return `toDateTime(toMonday(${instant}${calendar}), {tz:String})`
    case '1mo':
      return `toDateTime(toStartOfMonth(${instant}${calendar}), {tz:String})`
    case '15m':
      return 'toTimeZone(bucket_start, {tz:String})' // every zone's offset is a multiple of 15 minutes
    case '30m':
    case '1h': {
      const floored = `toUnixTimestamp(bucket_start) - (toUnixTimestamp(bucket_start) + timezoneOffset(toTimeZone(bucket_start, {tz:String}))) % ${grainSeconds[grain]}`
      if (!shifts) return `toDateTime(${floored}, {tz:String})`
      const shift = 'arrayMax(arrayMap(shift -> if(shift <= toUnixTimestamp(bucket_start), shift, 0), {shifts:Array(UInt32)}))'
      return `toDateTime(greatest(${floored}, ${shift}), {tz:String})`
    }
  }
}
