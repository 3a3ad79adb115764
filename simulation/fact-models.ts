/**
 * Two of the models in plain TypeScript, as far as the simulation looks at
 * them: queues by quarter-hour, and agents by day. contract.test.ts compares
 * them with what the real models make of the same rows.
 */
import type { Model } from '../transform/load-models.ts'
import { NULL, type CoreRow } from './core-row.ts'

const header = { meaning: '', grain: [], select: '' }
export const models: readonly Model[] = [
  { ...header, fact: 'fact_agents', from: ['agent_states', 'queue_visits'] },
  { ...header, fact: 'fact_queues', from: ['queue_visits'] },
]

/** A row of facts: `key` is its grain. */
export interface FactRow {
  day: string
  key: string
  values: Record<string, number | number[]>
}

const BUCKET_MS = 900_000
const DAY_MS = 86_400_000

/** What a model makes of rows of its entities, of these days. */
export function factRows(fact: string, read: ReadonlyMap<string, readonly CoreRow[]>, days: ReadonlySet<string>): FactRow[] {
  const rows = new Map<string, FactRow>()
  const at = (day: string, key: string): FactRow['values'] => {
    let row = rows.get(key)
    if (!row) rows.set(key, (row = { day, key, values: {} }))
    return row.values
  }
  if (fact === 'fact_queues') for (const { columns } of read.get('queue_visits') ?? []) countVisit(columns, days, at)
  else {
    for (const { columns } of read.get('queue_visits') ?? []) countHandled(columns, days, at)
    for (const { columns } of read.get('agent_states') ?? []) countState(columns, days, at)
  }
  for (const { values } of rows.values()) if (Array.isArray(values['answered_waits_ms'])) values['answered_waits_ms'].sort((a, b) => a - b)
  return [...rows.values()]
}

type Columns = CoreRow['columns']
type At = (day: string, key: string) => FactRow['values']

function countVisit(visit: Columns, days: ReadonlySet<string>, at: At): void {
  const day = visit['entered_at']!.slice(0, 10)
  if (!days.has(day)) return
  const bucket = clickhouseMinute(Math.floor(msOf(visit['entered_at']!) / BUCKET_MS) * BUCKET_MS)
  const values = at(day, `fact_queues ${bucket} ${visit['queue_id']}`)
  const { outcome } = visit
  const is_refused = outcome === 'closed' || outcome === 'full' || outcome === 'join_empty'
  add(values, 'offered', is_refused ? 0 : 1)
  add(values, 'refused', is_refused ? 1 : 0)
  add(values, 'waiting', outcome === 'waiting' ? 1 : 0)
  add(values, 'answered', outcome === 'answered' ? 1 : 0)
  add(values, 'abandoned', outcome === 'abandoned' ? 1 : 0)
  add(values, 'talk_ms', outcome === 'answered' ? Number(visit['talk_ms']) : 0)
  const waits = (values['answered_waits_ms'] ??= []) as number[]
  if (outcome === 'answered') waits.push(Number(visit['wait_ms']))
}

function countHandled(visit: Columns, days: ReadonlySet<string>, at: At): void {
  const day = visit['answered_at']!.slice(0, 10)
  if (visit['outcome'] !== 'answered' || visit['agent_id'] === '' || visit['answered_at'] === NULL || !days.has(day)) return
  const values = at(day, `fact_agents ${day} ${visit['agent_id']} ${visit['queue_id']}`)
  add(values, 'handled', 1)
  add(values, 'handled_talk_ms', Number(visit['talk_ms']))
}

function countState(state: Columns, days: ReadonlySet<string>, at: At): void {
  if (state['state'] === 'offline') return
  const [ended, seen] = [state['ended_at']!, state['last_seen_at']!]
  const end_ms = msOf(ended !== NULL ? ended : seen !== NULL ? seen : state['started_at']!)
  for (let from_ms = msOf(state['started_at']!); from_ms < end_ms;) {
    const to_ms = Math.min(end_ms, (Math.floor(from_ms / DAY_MS) + 1) * DAY_MS)
    const day = clickhouseMinute(from_ms).slice(0, 10)
    if (days.has(day)) add(at(day, `fact_agents ${day} ${state['agent_id']} ${state['queue_id']}`), `${state['state']}_ms`, to_ms - from_ms)
    from_ms = to_ms
  }
}

function add(values: FactRow['values'], name: string, amount: number): void {
  values[name] = ((values[name] ?? 0) as number) + amount
}

function msOf(clickhouse_time: string): number {
  return Date.parse(`${clickhouse_time.replace(' ', 'T')}Z`)
}

function clickhouseMinute(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
}

/** Rows as text that can be compared, atoms that are nothing left out: a row of nothing is none. */
export function comparable(rows: Iterable<{ key: string; values: FactRow['values'] }>): Map<string, string> {
  const texts = new Map<string, string>()
  for (const { key, values } of rows) {
    const atoms = Object.entries(values).filter(([, value]) => (Array.isArray(value) ? value.length > 0 : value !== 0))
    if (atoms.length === 0) continue
    const text = atoms
      .map(([name, value]) => `${name}=${String(value)}`)
      .sort()
      .join(' ')
    // A key that is there twice is a mistake, and must not hide behind the other.
    texts.set(key, texts.has(key) ? `${texts.get(key)} and again ${text}` : text)
  }
  return new Map([...texts].sort(([a], [b]) => (a < b ? -1 : 1)))
}
