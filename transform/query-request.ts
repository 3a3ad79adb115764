/** What a caller may ask of the metrics, and what a request means once it has been read against the catalogue. */
import { CallhouseError } from '../errors.ts'
import { findDimension, type DimensionName } from './dimensions.ts'
import { facts, type FactName } from './facts.ts'
import { findMetric, metrics as catalogue, type Metric } from './metrics/index.ts'
import { allowedValues, parseFilter, type Filter } from './parse-filter.ts'
import { grainSeconds, readTimeRange, type TimeRange } from './time-range.ts'

export interface QueryRequest {
  readonly tenant_id: string
  readonly metrics: readonly string[]
  readonly dimensions?: readonly string[]
  /** ISO instant, or local date or time in `tz`; on a quarter of an hour. */
  readonly from: string
  /** Exclusive. */
  readonly to: string
  /** @default 'UTC' */
  readonly tz?: string
  /** @default 'none': one row per combination of the dimensions */
  readonly grain?: string
  /** Such as `queue:sales,support`; all must hold. */
  readonly filters?: readonly string[]
  /** T of the service levels. @default 20000 */
  readonly threshold_ms?: number
  /** An abandon with a shorter wait is short; 0 makes none short. @default 5000 */
  readonly short_abandon_ms?: number
  /** Column names, `-` in front for descending. @default time, then the dimensions */
  readonly order?: readonly string[]
  readonly limit?: number
}

/** A request whose every name and value has been checked. */
export interface ReadRequest {
  readonly tenant_id: string
  readonly metrics: readonly Metric[]
  readonly facts: readonly FactName[]
  /** As asked, then the ones the metrics imply. */
  readonly dimensions: readonly DimensionName[]
  readonly filters: readonly Filter[]
  readonly range: TimeRange
  readonly threshold_ms: number
  readonly short_abandon_ms: number
  readonly order: readonly string[]
  readonly limit: number | undefined
}

/** Whether rows of the metric can be told apart by the dimension. */
export function hasDimension(metric: Metric, dimension: DimensionName): boolean {
  return findDimension(dimension).columns[metric.fact] !== undefined && !metric.not_by?.includes(dimension)
}

function wholeNumber(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= most) return value
  throw new CallhouseError('bad_request', `${name}=${value} is not a whole number from 0 to ${most}. Leave it out or correct it.`)
}

function incompatible(metrics: readonly Metric[], dimension: DimensionName, implied: boolean): CallhouseError {
  const without = metrics.filter((metric) => !hasDimension(metric, dimension)).map((metric) => metric.name)
  const having = metrics.filter((metric) => hasDimension(metric, dimension)).map((metric) => metric.name)
  const known = having.length > 0 ? having : catalogue.filter((metric) => hasDimension(metric, dimension)).map((metric) => metric.name)
  const why = implied ? `${having.join(', ')} must be split by ${dimension}, which` : `The dimension ${dimension}`
  const what = having.length > 0 ? 'Ask for these in a query of their own' : 'Leave the dimension and its filters out, or ask for these'
  return new CallhouseError(
    'dimension_incompatible',
    `${why} does not exist for ${without.join(', ')}. Metrics that have it: ${known.join(', ')}. ${what}.`,
    {
      details: { dimension, metrics_without: without, metrics_with: known },
    },
  )
}

/** Reads a request against the catalogue; throws an error that says what to write instead. */
export function readRequest(request: QueryRequest): ReadRequest {
  const metrics = [...new Set(request.metrics)].map(findMetric)
  if (metrics.length === 0) throw new CallhouseError('bad_request', 'A query needs at least one metric. GET /v1/metrics lists them.')
  const filters = (request.filters ?? []).map(parseFilter)
  const asked = [...new Set(request.dimensions ?? [])].map((name) => findDimension(name).name)
  const implied = [...new Set(metrics.flatMap((metric) => metric.implies ?? []))].filter(
    (name) => !asked.includes(name) && allowedValues(filters, name)?.length !== 1,
  )
  const dimensions = [...asked, ...implied]
  for (const name of new Set([...dimensions, ...filters.map((filter) => filter.dimension)])) {
    if (!metrics.every((metric) => hasDimension(metric, name))) throw incompatible(metrics, name, implied.includes(name))
  }
  const range = readTimeRange({ from: request.from, to: request.to, tz: request.tz ?? 'UTC', grain: request.grain ?? 'none' })
  const daily = metrics.find((metric) => facts[metric.fact].daily)
  if (daily && grainSeconds[range.grain] < 86_400) {
    throw new CallhouseError('range_invalid', `${daily.name} is known per day, not per ${range.grain}. Ask for grain=1d or a coarser one.`)
  }
  return {
    tenant_id: request.tenant_id,
    metrics,
    facts: [...new Set(metrics.map((metric) => metric.fact))],
    dimensions,
    filters,
    range,
    threshold_ms: wholeNumber('threshold_ms', request.threshold_ms ?? 20_000, 2 ** 32 - 1),
    short_abandon_ms: wholeNumber('short_abandon_ms', request.short_abandon_ms ?? 5000, 2 ** 32 - 1),
    order: request.order ?? [],
    limit: request.limit === undefined ? undefined : wholeNumber('limit', request.limit, 2 ** 32 - 1),
  }
}
