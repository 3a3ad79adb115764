/** The fact tables metrics are counted from, and the core entities each is built of. */

export interface Fact {
  /** Holds every generation of a day; only the one that `published_days` names counts. */
  readonly table: string
  /** Core entities whose coverage decides how complete the fact is. */
  readonly entities: readonly string[]
  /** Its rows are calendar days without a zone (a bill), not 15-minute buckets. */
  readonly daily: boolean
}

export const facts = {
  fact_calls: { table: 'fact_calls_generations', entities: ['calls'], daily: false },
  fact_queues: { table: 'fact_queues_generations', entities: ['queue_visits'], daily: false },
  fact_agents: { table: 'fact_agents_generations', entities: ['agent_states', 'queue_visits', 'agent_events'], daily: false },
  fact_messages: { table: 'fact_messages_generations', entities: ['messages'], daily: false },
  fact_numbers: { table: 'fact_numbers_generations', entities: ['call_legs'], daily: false },
  fact_usage: { table: 'fact_usage_generations', entities: ['usage'], daily: true },
} as const satisfies Record<string, Fact>

export type FactName = keyof typeof facts
export const factNames = Object.keys(facts) as FactName[]
