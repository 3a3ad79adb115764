/** One pass over a declared stream: its windows, their pages, and the batches that come of them. */
import { CallhouseError } from '../../../errors.ts'
import { entities, type CanonicalRecord, type EntityName } from '../../records/index.ts'
import type { Batch, Coverage, PullContext, Reject } from '../../source.ts'
import type { Answer } from './answer-items.ts'
import type { Api } from './api.ts'
import { periodMs, type StreamSpec } from './language.ts'
import { positionOf, type ItemMapper } from './map-item.ts'
import { listPages } from './pages.ts'
import { valueAt } from './paths.ts'
import { advance, isEarly, planPass, readState, type PullState } from './pull-state.ts'
import { runJob } from './run-job.ts'
import type { SeenItem, SeenItems } from './seen-items.ts'
import { longestMs, shortestMs, windowFrom, windowValues } from './time-windows.ts'

export interface DeclaredStream {
  name: string
  spec: StreamSpec
  map: ItemMapper
  history_from_ms: number
  /** Credentials and values, for requests. */
  values: Readonly<Record<string, unknown>>
  /** Lives as long as the source. */
  seen: SeenItems
}

/** Pages are small and loads are not free: so many items make a batch. */
const BATCH_ITEMS = 2_000

/** Cursors end, some within minutes: a window is then listed again from its first page, so many times. */
const MOST_RESTARTS = 3
const CURSOR_REFUSED = new Set([400, 404, 409, 410, 422])

/** A window that lists as much as the API will list of any: there may be more in it. */
class CapReached extends Error {}

export async function* pullStream(context: PullContext, api: Api, stream: DeclaredStream): AsyncGenerator<Batch, void> {
  const saved = await context.checkpoint(stream.name)
  stream.seen.begin(saved)
  const state = readState(saved)
  if (isEarly(state, stream.spec, context.now())) return
  const puller = new Puller(context, api, stream, state)
  yield* stream.spec.window ? puller.windows() : puller.list()
}

class Puller {
  readonly #context: PullContext
  readonly #api: Api
  readonly #stream: DeclaredStream
  #state: PullState
  #total_ms = 1
  /** Pages of the listing under way. */
  #pages = 0

  constructor(context: PullContext, api: Api, stream: DeclaredStream, state: PullState) {
    this.#context = context
    this.#api = api
    this.#stream = stream
    this.#state = state
  }

  /** Everything there is, every time; what has not changed is not handed on. */
  async *list(): AsyncGenerator<Batch, void> {
    const now_ms = this.#context.now()
    const end: PullState = { format: 1, high_water_ms: now_ms, began_ms: null, looked_back_ms: null, pass: null }
    yield* this.#batches(this.#answers(this.#stream.values), { ...end, high_water_ms: this.#state.high_water_ms }, Infinity, () => end)
  }

  /** The time since the last pass in windows no longer than allowed, each made shorter when it lists too much. */
  async *windows(): AsyncGenerator<Batch, void> {
    const { name, spec, history_from_ms } = this.#stream
    const window = spec.window!
    const planned = planPass(this.#state, spec, history_from_ms, this.#context.now(), this.#context.log, name)
    if (!planned) return
    this.#state = planned
    const { from_ms, to_ms } = planned.pass!
    this.#total_ms = Math.max(1, to_ms - from_ms)
    const [longest_ms, shortest_ms] = [longestMs(window), shortestMs(window)]
    let length_ms = longest_ms
    let restarts = 0
    while (this.#state.pass) {
      const range = windowFrom(window, this.#state.pass.next_ms, length_ms, to_ms)
      const values = { ...this.#stream.values, ...windowValues(window, range, this.#context.now()) }
      try {
        const before = this.#state
        yield* this.#batches(this.#answers(values), before, range.from_ms, () => advance(before, spec, range.to_ms))
        length_ms = Math.min(longest_ms, length_ms * 2)
        restarts = 0
      } catch (thrown) {
        if (this.#pages > 0 && isCursorRefused(thrown) && restarts < MOST_RESTARTS) {
          restarts += 1
          this.#context.log.warn({ stream: name }, 'a page was refused: its window is listed again')
          continue
        }
        if (!(thrown instanceof CapReached)) throw thrown
        const span_ms = range.to_ms - range.from_ms
        if (span_ms <= shortest_ms)
          throw new CallhouseError(
            'source_garbled',
            `${name} lists ${spec.cap} items or more between ${new Date(range.from_ms).toISOString()} and ${new Date(range.to_ms).toISOString()}, and its API lists no more of any stretch of time. Narrow what is listed (query), or raise cap if the API allows more.`,
          )
        length_ms = Math.max(shortest_ms, Math.floor(span_ms / 2))
        this.#context.log.debug({ stream: name, length_ms }, 'a window lists too much: it is halved')
      }
    }
    const { high_water_ms } = this.#state
    if (high_water_ms !== null) this.#stream.seen.forgetBefore(high_water_ms - longest_ms - periodMs(spec.look_back ?? '0s'))
  }

  async *#answers(values: Readonly<Record<string, unknown>>): AsyncGenerator<Answer, void> {
    const { spec, name } = this.#stream
    this.#pages = 0
    if (spec.job) {
      yield await runJob(this.#api, this.#context, spec, spec.job, values, name)
      return
    }
    let read = 0
    for await (const page of listPages(this.#api, this.#context, spec, this.#api.requestOf(spec.request!, values), name)) {
      read += page.items.length
      const total = spec.total === undefined ? 0 : Number(valueAt(page.answer, spec.total))
      if (spec.cap !== undefined && Math.max(read, total) >= spec.cap) throw new CapReached()
      this.#pages += 1
      yield page
    }
  }

  /** The last batch has the state that `end` gives; those before leave things where they are. */
  async *#batches(answers: AsyncIterable<Answer>, before: PullState, time_ms: number, end: () => PullState): AsyncGenerator<Batch, void> {
    let held: Held = empty()
    for await (const answer of answers) {
      this.#read(answer, held, time_ms)
      if (held.inputs < BATCH_ITEMS) continue
      yield this.#batch(held, before)
      this.#stream.seen.add(held.entries, before)
      held = empty()
    }
    const after = end()
    yield this.#batch(held, after, this.#coverage(after))
    this.#stream.seen.add(held.entries, after)
    this.#state = after
  }

  #read({ items }: Answer, held: Held, time_ms: number): void {
    const { map, seen, name } = this.#stream
    const observed_ms = this.#context.now()
    for (const { item, payload } of items) {
      const { records, fault } = map(item, payload, observed_ms)
      const print = positionOf(payload)
      const position = `${name}/${print}`
      const first = records[0]
      const entry: SeenItem = { id: first ? `${first.entity}/${first.record.native_id}` : position, print, time_ms }
      if (seen.has(entry)) continue
      held.inputs += 1
      held.entries.push(entry)
      for (const record of records) held.records.push(Object.assign(record, { position }))
      if (fault) held.rejects.push({ position, payload, ...fault })
    }
  }

  #batch(held: Held, checkpoint: PullState, coverage: Coverage[] = []): Batch {
    const { inputs, records, rejects } = held
    const { pass } = checkpoint
    const left_ms = pass ? pass.to_ms - pass.next_ms : 0
    const progress = { done: this.#total_ms - Math.min(left_ms, this.#total_ms), total: this.#total_ms }
    const windowed = this.#stream.spec.window !== undefined
    return {
      stream: this.#stream.name,
      inputs,
      records,
      rejects,
      checkpoint,
      ...(coverage.length > 0 && { coverage }),
      ...(windowed && { progress }),
    }
  }

  #coverage({ high_water_ms, began_ms, pass }: PullState): Coverage[] {
    const { spec } = this.#stream
    if (pass || high_water_ms === null) return []
    // A list without a window says nothing of the past.
    const isComplete = (entity: EntityName): boolean => spec.window !== undefined || entities[entity].span.length === 0
    const names = [...new Set(spec.records.map(({ entity }) => entity as EntityName))].filter(isComplete)
    return names.map((entity) => ({ entity, from_ms: Math.min(began_ms ?? 0, high_water_ms), to_ms: high_water_ms }))
  }
}

function isCursorRefused(thrown: unknown): boolean {
  return thrown instanceof CallhouseError && thrown.code === 'source_rejected' && CURSOR_REFUSED.has(Number(thrown.details?.['status']))
}

interface Held {
  inputs: number
  records: CanonicalRecord[]
  rejects: Reject[]
  entries: SeenItem[]
}

function empty(): Held {
  return { inputs: 0, records: [], rejects: [], entries: [] }
}
