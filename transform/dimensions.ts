/** What metrics can be split and filtered by: which facts have it, in which column, and where its display name lives. */
import { CallhouseError } from '../errors.ts'
import type { FactName } from './facts.ts'
import { didYouMean } from './nearest-names.ts'

export interface Dimension {
  readonly label: string
  readonly meaning: string
  /** The column that holds it, per fact; a fact that is not named here does not have it. */
  readonly columns: Partial<Record<FactName, string>>
  /** Which rows of a fact have it, where not all do: time an agent spends waiting belongs to no queue. */
  readonly rows?: Partial<Record<FactName, string>>
  /** The directory table of its display names; the answer then has one more column, `column`. */
  readonly names?: { readonly table: string; readonly id: string; readonly name: string; readonly column: string }
  /** Filters match the display name as well as the id. */
  readonly filter_by_name?: boolean
}

export const dimensions = {
  queue: {
    label: 'Queue',
    meaning: 'The queue a caller waited in; for calls, the first queue of the call.',
    columns: { fact_calls: 'queue_id', fact_queues: 'queue_id', fact_agents: 'queue_id' },
    rows: { fact_agents: "(queue_id != '' OR handled + ring_no_answer > 0)" },
    names: { table: 'queues', id: 'queue_id', name: 'name', column: 'queue_name' },
    filter_by_name: true,
  },
  agent: {
    label: 'Agent',
    meaning: 'The person who handled the call or was in the state.',
    columns: { fact_agents: 'agent_id' },
    names: { table: 'users', id: 'user_id', name: 'name', column: 'agent_name' },
    filter_by_name: true,
  },
  direction: {
    label: 'Direction',
    meaning: 'inbound, outbound or internal.',
    columns: { fact_calls: 'direction', fact_messages: 'direction', fact_numbers: 'direction' },
  },
  number: {
    label: 'Number',
    meaning: 'Our own number, in E.164.',
    columns: { fact_numbers: 'number' },
    names: { table: 'numbers', id: 'number', name: 'label', column: 'number_label' },
  },
  trunk: { label: 'Trunk', meaning: 'The carrier connection of the call.', columns: { fact_calls: 'trunk_id', fact_numbers: 'trunk_id' } },
  campaign: { label: 'Campaign', meaning: 'The campaign a message was sent for.', columns: { fact_messages: 'campaign' } },
  source: {
    label: 'Source',
    meaning: 'The configured source the records came from.',
    columns: {
      fact_calls: 'source_id',
      fact_queues: 'source_id',
      fact_agents: 'source_id',
      fact_messages: 'source_id',
      fact_numbers: 'source_id',
      fact_usage: 'source_id',
    },
  },
  currency: {
    label: 'Currency',
    meaning: 'The currency of the money; amounts of two currencies are never added.',
    columns: { fact_calls: 'currency', fact_messages: 'currency', fact_numbers: 'currency', fact_usage: 'currency' },
  },
  category: { label: 'Category', meaning: "The source's usage category; categories may overlap.", columns: { fact_usage: 'category' } },
  account: { label: 'Account', meaning: 'The billed account.', columns: { fact_usage: 'account_id' } },
  unit: { label: 'Unit', meaning: 'What a usage quantity counts: minutes, messages, …', columns: { fact_usage: 'unit' } },
} as const satisfies Record<string, Dimension>

export type DimensionName = keyof typeof dimensions
export const dimensionNames = Object.keys(dimensions) as DimensionName[]

/** The condition for a fact's rows that have the dimension, where not all do. */
export function rowsOf(name: DimensionName, fact: FactName): string | undefined {
  return findDimension(name).rows?.[fact]
}

/** The column a fact has the dimension in; requests are checked before, so a lack here is a mistake of ours. */
export function columnOf(name: DimensionName, fact: FactName): string {
  const column = findDimension(name).columns[fact]
  if (column === undefined) throw new CallhouseError('dimension_incompatible', `${fact} has no ${name}. Ask for metrics that have it.`)
  return column
}

/** The dimension of that name; throws `dimension_unknown` with the nearest names. */
export function findDimension(name: string): Dimension & { name: DimensionName } {
  if (!Object.hasOwn(dimensions, name)) {
    throw new CallhouseError('dimension_unknown', `No dimension "${name.slice(0, 60)}". ${didYouMean(name, dimensionNames)}`)
  }
  return { ...(dimensions[name as DimensionName] as Dimension), name: name as DimensionName }
}
