/**
 * One pass over one list of one account. Nothing can be asked for by its update
 * time, so every pass lists the look-back again, window after window, and hands
 * on what is new or has changed.
 */
import type { HttpClient } from '../../http-client.ts'
import { prefetch } from '../../prefetch.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import type { SeenEntry, SeenVersions } from '../../seen-versions.ts'
import type { Batch, Coverage, PullContext } from '../../source.ts'
import type { CallRoots } from './call-roots.ts'
import { isObject, readListCheckpoint, type ListCheckpoint, type ListPass } from './checkpoint.ts'
import { isConferenceLive, readParticipant } from './conferences.ts'
import { addItem, nothing, type Converted } from './convert.ts'
import type { List, ListName } from './lists.ts'
import type { TwilioSettings } from './options.ts'
import type { TwilioPage } from './page.ts'
import { firstPage, isGone, pagesOf } from './pages.ts'
import { twilioTime } from './values.ts'

export interface ListRun {
  name: Exclude<ListName, 'balance'>
  list: List
  account: string
  settings: TwilioSettings
  client: HttpClient
  roots: CallRoots
  /** Lives as long as the source, not the pass. */
  seen: SeenVersions
  /** What this account's list now reaches to; the coverage of all accounts together, once each of them has one. */
  covered: (from_ms: number, to_ms: number) => Coverage[]
}

/** A page, and where to go on once it is loaded. */
interface Step {
  page: TwilioPage
  after: ListCheckpoint
}

interface ConvertedStep extends Converted {
  after: ListCheckpoint
  bytes: number
}

const DAY_MS = 86_400_000
const HISTORY_DAYS = 400
const startOfDay = (ms: number): number => Math.floor(ms / DAY_MS) * DAY_MS

/** The pass as batches; a batch's checkpoint says where to go on. */
export async function* pullList(context: PullContext, run: ListRun): AsyncGenerator<Batch, void> {
  const stream = `${run.name}/${run.account}`
  const saved = await context.checkpoint(stream)
  const now_ms = context.now()
  const { settings, seen } = run
  const default_from_ms = startOfDay(settings.history_from_ms ?? now_ms - HISTORY_DAYS * DAY_MS)
  const checkpoint = healed(context, stream, readListCheckpoint(saved, default_from_ms), now_ms)
  // An option that reaches further back than the checkpoint does asks for what is missing.
  if (settings.history_from_ms !== undefined && default_from_ms < checkpoint.history_from_ms)
    Object.assign(checkpoint, { history_from_ms: default_from_ms, high_water_ms: null, pass: null })
  seen.begin(saved)
  const whole = run.list.is_whole ? new Map<string, number>() : undefined
  const begun = whole ? null : checkpoint.pass
  const pass = begun ?? { began_ms: now_ms, window_ms: sinceOf(checkpoint, settings), next: null }
  const next_since_ms = whole ? 0 : startOfDay(pass.began_ms - settings.look_back_ms)
  // What was listed long ago and never again need not be remembered.
  const watch_from_ms = checkpoint.high_water_ms === null ? next_since_ms : Math.min(next_since_ms, sinceOf(checkpoint, settings))

  const stop = new AbortController()
  const leave = (): void => stop.abort()
  context.signal.addEventListener('abort', leave)
  try {
    const steps = convertSteps(run, withRoots(run, stepsOf(run, checkpoint, pass)), watch_from_ms, whole)
    const bounds = { max_items: 4, max_bytes: 8 * 1024 * 1024, bytesOf: (step: ConvertedStep) => step.bytes }
    for await (const arrived of prefetch(steps, bounds, leave)) {
      const last = arrived.at(-1)!.after
      const is_end = last.pass === null
      const after = whole && is_end ? { ...last, known: Object.fromEntries(whole) } : last
      const removed = whole && is_end ? removedRecords(checkpoint.known ?? {}, whole, now_ms) : []
      const entries = arrived.flatMap((step) => step.entries)
      yield {
        stream,
        inputs: arrived.reduce((sum, step) => sum + step.inputs, 0),
        records: [...arrived.flatMap((step) => step.records), ...removed],
        rejects: arrived.flatMap((step) => step.rejects),
        checkpoint: after,
        ...(is_end && run.list.narrow && run.name !== 'conferences' && { coverage: run.covered(after.history_from_ms, pass.began_ms) }),
      }
      seen.add(entries, after)
      if (is_end) seen.end(next_since_ms)
    }
  } finally {
    context.signal.removeEventListener('abort', leave)
  }
}

/** A number that is no longer listed was released, or moved to another account. */
function removedRecords(known: Readonly<Record<string, number>>, listed: ReadonlyMap<string, number>, now_ms: number): CanonicalRecord[] {
  return Object.entries(known)
    .filter(([native_id]) => !listed.has(native_id))
    .map(([native_id, anchor_at]) => ({
      entity: 'numbers',
      record: { native_id, anchor_at, version: now_ms, is_deleted: true, number: '', payload: '{}' },
    }))
}

/** A checkpoint from a clock in the future says nothing of what changed meanwhile: all is read again. */
function healed(context: PullContext, stream: string, checkpoint: ListCheckpoint, now_ms: number): ListCheckpoint {
  const latest = Math.max(checkpoint.high_water_ms ?? 0, checkpoint.pass?.began_ms ?? 0)
  if (latest <= now_ms + DAY_MS) return checkpoint
  context.log.warn({ stream }, 'the checkpoint is later than the clock: everything is listed again')
  return { ...checkpoint, high_water_ms: null, pass: null }
}

function sinceOf({ high_water_ms, history_from_ms }: ListCheckpoint, { look_back_ms }: TwilioSettings): number {
  return high_water_ms === null ? history_from_ms : Math.max(history_from_ms, startOfDay(high_water_ms - look_back_ms))
}

/** Every page of every window from where the pass stands, oldest window first. */
async function* stepsOf(run: ListRun, checkpoint: ListCheckpoint, pass: ListPass): AsyncGenerator<Step, void> {
  const { list, settings } = run
  const since_ms = sinceOf(checkpoint, settings)
  const done: ListCheckpoint = { ...checkpoint, high_water_ms: pass.began_ms, pass: null }
  const is_ended_by_time = !list.narrow && !list.is_whole && checkpoint.high_water_ms !== null
  let window_ms = pass.window_ms
  let next = pass.next
  for (;;) {
    const to_ms = window_ms + settings.window_ms
    // The last window is open: what begins while the pass runs is in it, and a clock that is slow hides nothing.
    const is_last = !list.narrow || to_ms > pass.began_ms
    const first = firstPage(run, window_ms, is_last ? null : to_ms)
    for await (const page of pagesOf(run, first, next)) {
      const is_over = page.next === null || (is_ended_by_time && isBefore(page, list.time, since_ms))
      if (is_ended_by_time) keepSince(page, list.time, since_ms)
      const at: ListPass = is_over ? { ...pass, window_ms: to_ms, next: null } : { ...pass, window_ms, next: page.next }
      yield { page, after: is_over && is_last ? done : { ...checkpoint, pass: at } }
      if (is_over) break
    }
    if (is_last) return
    window_ms = to_ms
    next = null
  }
}

/** A list that cannot be narrowed comes newest first: a whole page from before the look-back ends the reading. */
function isBefore({ items }: TwilioPage, time: string, since_ms: number): boolean {
  return items.length > 0 && items.every((item) => isOlder(item, time, since_ms))
}

/** Leaves out what is before the look-back, as a list that can be narrowed does. */
function keepSince(page: TwilioPage, time: string, since_ms: number): void {
  page.slices = page.slices.filter((_, at) => !isOlder(page.items[at], time, since_ms))
  page.items = page.items.filter((item) => !isOlder(item, time, since_ms))
}

function isOlder(item: unknown, time: string, since_ms: number): boolean {
  return isObject(item) && (twilioTime(String(item[time])) ?? Infinity) < since_ms
}

/**
 * Calls come newest first, a leg before its parent. Every page waits for the one
 * after it, which nearly always has what it lacks.
 */
async function* withRoots(run: ListRun, steps: AsyncGenerator<Step, void>): AsyncGenerator<Step, void> {
  if (run.name !== 'calls') return yield* steps
  let held: Step | undefined
  let failure: { thrown: unknown } | undefined
  try {
    for await (const step of steps) {
      for (const item of step.page.items)
        if (isObject(item) && typeof item['sid'] === 'string')
          run.roots.note(item['sid'], typeof item['parent_call_sid'] === 'string' ? item['parent_call_sid'] : '')
      if (held) yield held
      held = step
    }
  } catch (thrown) {
    failure = { thrown }
  }
  if (held) yield held
  if (failure) throw failure.thrown
}

async function* convertSteps(
  run: ListRun,
  steps: AsyncGenerator<Step, void>,
  watch_from_ms: number,
  whole?: Map<string, number>,
): AsyncGenerator<ConvertedStep, void> {
  const isSeen = (entry: SeenEntry): boolean => run.seen.has(entry)
  for await (const { page, after } of steps) {
    const into = nothing()
    for (const [at, item] of page.items.entries()) {
      if (whole && isObject(item) && typeof item['sid'] === 'string') whole.set(item['sid'], twilioTime(String(item['date_created'])) ?? 0)
      const parent = run.name === 'calls' && isObject(item) ? item['parent_call_sid'] : undefined
      const root = typeof parent !== 'string' || parent === '' ? '' : (run.roots.known(parent) ?? (await findRoot(run, parent)))
      const read = (call: Readonly<Record<string, unknown>>, payload: string): CanonicalRecord[] =>
        run.list.read(call, payload, { base: run.settings.base, root: root || String(call['sid']) })
      addItem(into, item, page.slices[at]!, run.list, watch_from_ms, isSeen, read)
      if (run.name === 'conferences' && isObject(item) && isConferenceLive(item)) await addParticipants(run, String(item['sid']), into, watch_from_ms)
    }
    yield { ...into, after, bytes: page.bytes }
  }
}

/** The call that a leg below `parent` belongs to; legs that are gone were roots, as far as anyone knows. */
function findRoot({ roots, client, settings, account }: ListRun, parent: string): Promise<string> {
  return roots.find(parent, async (sid) => {
    const url = new URL(`${settings.base}/2010-04-01/Accounts/${account}/Calls/${encodeURIComponent(sid)}.json`)
    try {
      return await client.get(url, (text) => {
        const call: unknown = JSON.parse(text)
        return isObject(call) && typeof call['parent_call_sid'] === 'string' ? call['parent_call_sid'] : ''
      })
    } catch (thrown) {
      if (isGone(thrown)) return ''
      throw thrown
    }
  })
}

const participants = {
  key: 'participants',
  entities: ['call_events'],
  idOf: (item: Readonly<Record<string, unknown>>) => `${String(item['conference_sid'])}/${String(item['call_sid'])}`,
  time: 'date_created',
} as const

/** Everyone who is in a live conference. Twilio lists them only while it lasts; after that, its webhooks are what tells. */
async function addParticipants(run: ListRun, conference: string, into: Converted, watch_from_ms: number): Promise<void> {
  const first = new URL(`${run.settings.base}/2010-04-01/Accounts/${run.account}/Conferences/${encodeURIComponent(conference)}/Participants.json`)
  first.searchParams.set('PageSize', String(run.settings.page_size))
  try {
    for await (const page of pagesOf({ ...run, list: participants }, first, null))
      for (const [at, item] of page.items.entries()) {
        const call = isObject(item) && typeof item['call_sid'] === 'string' ? item['call_sid'] : ''
        const root = call === '' ? '' : await findRoot(run, call)
        addItem(
          into,
          item,
          page.slices[at]!,
          participants,
          watch_from_ms,
          (entry) => run.seen.has(entry),
          (one, payload) => readParticipant(one, payload, root),
        )
      }
  } catch (thrown) {
    if (!isGone(thrown)) throw thrown
  }
}
