/**
 * Mistakes to put into the code under test, each of them one that somebody could
 * make, or has made: the simulation has to find every one, or it proves nothing.
 * None needs a change to the project's code; they stand between it and its stores.
 */
import type { RowBlock } from '../ingest/record-store.ts'
import type { EntityName } from '../ingest/records/index.ts'
import type { DayBuild, Mark } from '../transform/fact-store.ts'
import type { Variant } from './memory-warehouse.ts'
import type { Parts } from './workers.ts'

export interface Mutation {
  /** The mistake, in words. */
  name: string
  mutate?: (parts: Parts) => Parts
  warehouse?: Variant
  /** A rare one is looked for from this seed on in an ordinary run, from the first with CI=true. */
  near?: number
}

export const mutations: readonly Mutation[] = [
  { name: 'the checkpoint is saved before the rows', mutate: checkpointFirst },
  { name: 'marks are written before their rows', mutate: marksFirst },
  { name: 'coverage is written before the rows', mutate: coverageFirst },
  { name: 'the days that records reach are not written', mutate: (parts) => ({ ...parts, records: { ...parts.records, addReach: nothing } }) },
  { name: 'only the first day a record reaches is known', mutate: firstDayOnly },
  { name: 'marks are settled without a look at the latest generation', mutate: blindToOthers, near: 79 },
  { name: 'of two generations of a day the one published last is shown', warehouse: { lastPublishedWins: true }, near: 55 },
  { name: 'coverage is read after the marks', mutate: coverageLast },
  { name: 'coverage is published as soon as it is read', mutate: coverageAtOnce },
  { name: 'marks are settled as soon as they are read', mutate: settledAtOnce },
  { name: 'every mark is settled, not only those that were read', mutate: allSettled },
  { name: 'days are published before they are computed', mutate: publishedFirst },
  { name: 'dead letters are dropped', mutate: (parts) => ({ ...parts, records: { ...parts.records, addDeadLetters: nothing } }) },
  { name: 'Retry-After is ignored', mutate: impatient },
  { name: 'rows are told apart by their insert, not by their identity', warehouse: { rowKey: (columns) => JSON.stringify(columns) } },
  { name: 'deletions are not seen', mutate: undeleted },
  { name: 'what was read is taken to be all there was when the pass ended', mutate: lateHighWater, near: 101 },
  { name: 'a failed write of rows is taken for done', mutate: (parts) => swallowing(parts, 'addRows') },
  { name: 'a failed write of marks is taken for done', mutate: (parts) => swallowing(parts, 'addMarks'), near: 42 },
  { name: 'a failed write of day pairs is taken for done', mutate: (parts) => swallowing(parts, 'addReach') },
  { name: 'a failed write of dead letters is taken for done', mutate: (parts) => swallowing(parts, 'addDeadLetters'), near: 42 },
]

const nothing = (): Promise<void> => Promise.resolve()

function checkpointFirst(parts: Parts): Parts {
  // The rows wait for the checkpoint, and come after it: a kill between the two loses them.
  const waiting: [EntityName, RowBlock][] = []
  const flush = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await parts.records.addRows(...next)
  }
  const marks = parts.records.addMarks
  let held: Parameters<typeof marks>[0] = []
  return {
    ...parts,
    records: { ...parts.records, addRows: async (...row) => void waiting.push(row), addMarks: async (rows) => void (held = [...held, ...rows]) },
    state: {
      ...parts.state,
      saveCheckpoint: async (stream, value) => {
        await parts.state.saveCheckpoint(stream, value)
        await flush()
        const rows = held
        held = []
        if (rows.length > 0) await marks(rows)
      },
    },
  }
}

function marksFirst(parts: Parts): Parts {
  const waiting: [EntityName, RowBlock][] = []
  return {
    ...parts,
    records: {
      ...parts.records,
      addRows: async (...row) => void waiting.push(row),
      addMarks: async (rows) => {
        await parts.records.addMarks(rows)
        for (const row of waiting.splice(0)) await parts.records.addRows(...row)
      },
    },
  }
}

function coverageFirst(parts: Parts): Parts {
  const waiting: (() => Promise<void>)[] = []
  return {
    ...parts,
    records: {
      ...parts.records,
      addRows: async (...row) => void waiting.push(() => parts.records.addRows(...row)),
      addMarks: async (rows) => void waiting.push(() => parts.records.addMarks(rows)),
      addCoverage: async (rows) => {
        await parts.records.addCoverage(rows)
        for (const write of waiting.splice(0)) await write()
      },
    },
    state: {
      ...parts.state,
      saveCheckpoint: async (stream, value) => {
        for (const write of waiting.splice(0)) await write()
        await parts.state.saveCheckpoint(stream, value)
      },
    },
  }
}

function firstDayOnly(parts: Parts): Parts {
  const first = new Map<string, string>()
  return {
    ...parts,
    records: {
      ...parts.records,
      addReach: (rows) => {
        const kept = rows.filter(({ entity, anchor_day, day }) => {
          const key = `${entity} ${anchor_day}`
          if (!first.has(key)) first.set(key, day)
          return first.get(key) === day
        })
        return parts.records.addReach(kept)
      },
    },
  }
}

function blindToOthers(parts: Parts): Parts {
  let own: number | undefined
  const { generations } = parts
  return { ...parts, generations: { next: async () => (own = await generations.next()), latest: async () => own } }
}

function coverageLast(parts: Parts): Parts {
  const { facts } = parts
  let marks: Mark[] = []
  return {
    ...parts,
    facts: {
      ...facts,
      unpublishedCoverage: async () => {
        marks = await facts.unsettledMarks()
        return facts.unpublishedCoverage()
      },
      unsettledMarks: async () => marks,
    },
  }
}

function coverageAtOnce(parts: Parts): Parts {
  const { facts } = parts
  const unpublishedCoverage = async () => {
    const rows = await facts.unpublishedCoverage()
    if (rows.length > 0) await facts.publishCoverage(rows)
    return rows
  }
  return { ...parts, facts: { ...facts, unpublishedCoverage } }
}

function settledAtOnce(parts: Parts): Parts {
  const { facts } = parts
  const unsettledMarks = async () => {
    const marks = await facts.unsettledMarks()
    if (marks.length > 0) await facts.settleMarks(marks)
    return marks
  }
  return { ...parts, facts: { ...facts, unsettledMarks } }
}

function allSettled(parts: Parts): Parts {
  const { facts } = parts
  return { ...parts, facts: { ...facts, settleMarks: async () => facts.settleMarks(await facts.unsettledMarks()) } }
}

function publishedFirst(parts: Parts): Parts {
  const { facts } = parts
  const waiting: DayBuild[] = []
  return {
    ...parts,
    facts: {
      ...facts,
      buildDays: async (build) => void waiting.push(build),
      publishDays: async (days) => {
        await facts.publishDays(days)
        for (const build of waiting.splice(0)) await facts.buildDays(build)
      },
    },
  }
}

/** Puts the high water at the last page's time, as it once was: what was committed late behind a pass that had to wait was never seen. */
function lateHighWater(parts: Parts): Parts {
  const listed_ms = new Map<string, number>()
  return {
    ...parts,
    fetch: async (input, init) => {
      const answer = await parts.fetch(input, init)
      const text = answer.ok ? await answer.text() : ''
      const as_of = /"as_of":"([^"]+)"/.exec(text)?.[1]
      if (as_of !== undefined) listed_ms.set(new URL(input).pathname.slice('/v1/'.length), Date.parse(as_of))
      return answer.ok ? new Response(text) : answer
    },
    state: {
      ...parts.state,
      saveCheckpoint: (stream, value) => {
        const { pass, ...rest } = value as { pass: unknown }
        const at_ms = listed_ms.get(stream)
        return parts.state.saveCheckpoint(stream, pass === null && at_ms !== undefined ? { ...rest, pass, high_water_ms: at_ms - 5_000 } : value)
      },
    },
  }
}

function swallowing(parts: Parts, name: 'addRows' | 'addMarks' | 'addReach' | 'addDeadLetters'): Parts {
  const write = parts.records[name] as (...args: unknown[]) => Promise<void>
  return { ...parts, records: { ...parts.records, [name]: (...args: unknown[]) => write(...args).catch(() => undefined) } }
}

function impatient(parts: Parts): Parts {
  return {
    ...parts,
    fetch: async (input, init) => {
      const answer = await parts.fetch(input, init)
      answer.headers.delete('retry-after')
      return answer
    },
  }
}

function undeleted(parts: Parts): Parts {
  return {
    ...parts,
    fetch: async (input, init) => {
      const answer = await parts.fetch(input, init)
      return answer.ok ? new Response((await answer.text()).replaceAll(',"deleted":true', '')) : answer
    },
  }
}
