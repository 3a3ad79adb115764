/** A named question: a saved set of metrics and dimensions, asked of any range. */
import type { DimensionName } from '../dimensions.ts'
import type { Grain } from '../time-range.ts'

export interface Report {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly metrics: readonly string[]
  readonly dimensions: readonly DimensionName[]
  readonly default_grain: Grain
  readonly order: readonly string[]
}
