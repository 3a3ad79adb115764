/** What a metric is: data that the compiler, the documentation and the API all read. */
import type { DimensionName } from '../dimensions.ts'
import type { FactName } from '../facts.ts'

export type MetricUnit = 'count' | 'ms' | 'ratio' | 'money' | 'number'

export interface Metric {
  readonly name: string
  readonly label: string
  readonly unit: MetricUnit
  /** ClickHouse type of the answer's column. A type that is not Nullable is 0 where nothing was counted. */
  readonly type: 'UInt64' | 'Nullable(UInt32)' | 'Nullable(Float64)' | 'Decimal(38, 6)'
  readonly meaning: string
  readonly formula: string
  /** Which of several formulas in use this is, and whose. */
  readonly variant?: string
  /** Which moment decides the bucket. */
  readonly attribution: string
  /** Who defines it so. */
  readonly source: string
  readonly fact: FactName
  /** Aggregate over the fact's atoms, inside a GROUP BY. May use {threshold_ms:UInt32} and {short_abandon_ms:UInt32}. */
  readonly expression: string
  /** Dimensions it must be split by (or filtered to one value of), because its values do not add up across them. */
  readonly implies?: readonly DimensionName[]
  /** Dimensions its fact has but that say nothing about this metric. */
  readonly not_by?: readonly DimensionName[]
}

/** What the metrics of one file have in common. */
type Common = Pick<Metric, 'fact' | 'attribution' | 'source'>
type Own = Pick<Metric, 'name' | 'label' | 'meaning' | 'formula' | 'expression'> & Partial<Metric>

/** Builders for the metrics of one fact; each fixes unit and type, so that a catalogue entry says only what is its own. */
export function metricsOf(common: Common) {
  return {
    /** How many: 0 where nothing was counted. */
    count: (own: Own): Metric => ({ ...common, unit: 'count', type: 'UInt64', ...own }),
    /** A sum of milliseconds: 0 where nothing was counted. */
    duration: (own: Own): Metric => ({ ...common, unit: 'ms', type: 'UInt64', ...own }),
    /** A share: null where there is nothing to share. */
    ratio: (own: Own): Metric => ({ ...common, unit: 'ratio', type: 'Nullable(Float64)', ...own }),
    /** An average of milliseconds: null where there is nothing to average. */
    average: (own: Own): Metric => ({ ...common, unit: 'ms', type: 'Nullable(Float64)', ...own }),
    /** An amount in the row's currency, exact. */
    money: (own: Own): Metric => ({ ...common, unit: 'money', type: 'Decimal(38, 6)', implies: ['currency'], ...own }),
  }
}

/** `numerator / denominator`, null where the denominator is 0. */
export function over(numerator: string, denominator: string): string {
  return `${numerator} / nullIf(${denominator}, 0)`
}
