/** What the facts have to be, counted from the phone company's own last word on every record, a day at a time. */
import { comparable, type FactRow } from './fact-models.ts'
import type { Telco, Version } from './telco.ts'

const DAY_MS = 86_400_000
const BUCKET_MS = 900_000

/** The truth, as `comparable` gives it. */
export function truthOf(telco: Telco): Map<string, string> {
  const rows = new Map<string, { key: string; values: FactRow['values'] }>()
  const count = (key: string, atoms: Record<string, number | number[]>): void => {
    const { values } = rows.get(key) ?? rows.set(key, { key, values: {} }).get(key)!
    for (const [name, amount] of Object.entries(atoms))
      if (Array.isArray(amount)) values[name] = [...((values[name] ?? []) as number[]), ...amount].sort((a, b) => a - b)
      else values[name] = ((values[name] ?? 0) as number) + amount
  }
  for (const { stream, item, is_bad, is_deleted } of telco.final()) {
    if (is_bad || is_deleted) continue
    if (stream === 'queue_visits') countVisit(item, count)
    else countState(item, count)
  }
  return comparable(rows.values())
}

type Count = (key: string, atoms: Record<string, number | number[]>) => void
type Item = Version['item']

function countVisit(visit: Item, count: Count): void {
  const { queue_id, outcome, agent_id } = visit as Record<string, string>
  const [wait_ms, talk_ms] = [visit['wait_ms'] as number, visit['talk_ms'] as number]
  const is_answered = outcome === 'answered'
  const is_refused = outcome === 'closed'
  const entered_ms = msOf(visit['entered_at'])!
  const bucket = new Date(entered_ms - (entered_ms % BUCKET_MS)).toISOString().slice(0, 16).replace('T', ' ')
  count(`fact_queues ${bucket} ${queue_id}`, {
    [outcome === 'closed' ? 'refused' : outcome!]: 1,
    ...(!is_refused && { offered: 1 }),
    ...(is_answered && { talk_ms, answered_waits_ms: [wait_ms] }),
  })
  if (is_answered) count(`fact_agents ${dayOf(msOf(visit['answered_at'])!)} ${agent_id} ${queue_id}`, { handled: 1, handled_talk_ms: talk_ms })
}

function countState(item: Item, count: Count): void {
  if (item['state'] === 'offline') return
  const { agent_id, queue_id, state } = item as Record<string, string>
  const [start_ms, end_ms] = stretchOf(item)
  for (let day_ms = start_ms - (start_ms % DAY_MS); day_ms < end_ms; day_ms += DAY_MS) {
    const part_ms = Math.min(end_ms, day_ms + DAY_MS) - Math.max(start_ms, day_ms)
    count(`fact_agents ${dayOf(day_ms)} ${agent_id} ${queue_id}`, { [`${state}_ms`]: part_ms })
  }
}

/** The days of a fact that this version counts on. */
export function daysOf({ stream, item, is_deleted, is_bad }: Version, fact: string): string[] {
  if (is_deleted || is_bad) return []
  if (fact === 'fact_queues') return stream === 'queue_visits' ? [dayOf(msOf(item['entered_at'])!)] : []
  if (stream === 'queue_visits') return item['outcome'] === 'answered' ? [dayOf(msOf(item['answered_at'])!)] : []
  if (item['state'] === 'offline') return []
  const [start_ms, end_ms] = stretchOf(item)
  const days: string[] = []
  for (let day_ms = start_ms - (start_ms % DAY_MS); day_ms < end_ms; day_ms += DAY_MS) days.push(dayOf(day_ms))
  return days
}

/** An open state counts as far as it was last seen. */
function stretchOf(state: Item): [start_ms: number, end_ms: number] {
  const start_ms = msOf(state['started_at'])!
  return [start_ms, msOf(state['ended_at']) ?? msOf(state['last_seen_at']) ?? start_ms]
}

function msOf(time: unknown): number | undefined {
  return typeof time === 'string' ? Date.parse(time) : undefined
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
