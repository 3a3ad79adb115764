/** Logs that a real Asterisk wrote, call by call against what its dialplan and its own counters said. */
import { readFileSync } from 'node:fs'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { entities } from '../../records/index.ts'
import type { Batch, Source } from '../../source.ts'
import { createAsteriskSource, type AsteriskOptions } from './asterisk.ts'
import { fold, newRun, pullAll, recordsOf } from './pull-all.ts'

const path = join(dirname(fileURLToPath(import.meta.url)), '../../../fixtures/cases/asterisk-live')

interface ExpectedQueue {
  sl_threshold: number
  events: Record<string, number>
  entered: number
  answered: number
  abandoned: number
  timeout: number
  exitempty: number
  exitwithkey: number
  answered_in_sl: number
  asa: number
  avg_talk: number
  total_hold: number
  total_talk: number
  calls_of_members_removed_mid_call: number
  asterisk_counters: { C: number; A: number; SL: number; SL2: number }
}
const expected = JSON.parse(readFileSync(join(path, 'EXPECTED.json'), 'utf8')) as {
  queue_log_lines: number
  queues: Record<string, ExpectedQueue>
  agents: Record<string, Record<string, number>>
}
const queueNames = Object.keys(expected.queues)

/** The dialplan's own variables: uniqueid|context or queue|caller|T0|QUEUESTATUS|QEORIGINALPOS|QEHOLDTIME|MEMBERNAME|EPOCH|stage. */
const truth = readFileSync(join(path, 'truth.csv'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => {
    const [call_id = '', queue = '', caller = '', t0 = '', status = '', position = '', hold = '', , t = '', stage = ''] = line.split('|')
    return { call_id, queue, caller, t0: Number(t0), status, position, hold, t: Number(t), stage }
  })

let batches: Batch[]
beforeAll(async () => {
  batches = await pullAll(createAsteriskSource({ path, follow: false }))
})
const visits = () => recordsOf(batches, 'queue_visits')
const sum = (numbers: (number | undefined)[]) => numbers.reduce<number>((total, n) => total + (n ?? 0), 0)

describe('queue_log of a real Asterisk', () => {
  it('accounts for every line of every file and refuses none', () => {
    const inputs = (stream: string) => sum(batches.filter((batch) => batch.stream === stream).map((batch) => batch.inputs))
    expect(batches.flatMap((batch) => batch.rejects)).toEqual([])
    expect([inputs('queue_log'), inputs('cdr-csv'), inputs('cdr-custom/simple.csv'), inputs('cel')]).toEqual([
      expected.queue_log_lines,
      693,
      693,
      4852,
    ])
  })

  it('gives records whose every field fits its column', () => {
    for (const { entity, record } of batches.flatMap((batch) => batch.records)) {
      const fields = record as unknown as Record<string, unknown>
      for (const [name, field] of Object.entries(entities[entity].fields)) expect(() => field.encode(fields[name]), `${entity}.${name}`).not.toThrow()
      const unknown = Object.keys(fields).filter(
        (name) => !(name in entities[entity].fields) && !['native_id', 'anchor_at', 'version', 'payload'].includes(name),
      )
      expect(unknown).toEqual([])
    }
  })

  it.each(queueNames)('counts and waits of %s are the expected ones', (queue) => {
    const want = expected.queues[queue]!
    const mine = visits().filter((visit) => visit.queue_id === queue)
    const by = (outcome: string) => mine.filter((visit) => visit.outcome === outcome)
    const answered = by('answered')
    expect(mine.length).toBe(want.entered)
    expect([answered.length, by('abandoned').length, by('timeout').length, by('leave_empty').length, by('key_exit').length]).toEqual([
      want.answered,
      want.abandoned,
      want.timeout,
      want.exitempty,
      want.exitwithkey,
    ])
    expect(answered.length + by('abandoned').length + by('timeout').length + by('leave_empty').length + by('key_exit').length).toBe(mine.length)
    expect(answered.filter((visit) => visit.wait_ms! <= want.sl_threshold * 1000).length).toBe(want.answered_in_sl)
    expect(sum(answered.map((visit) => visit.wait_ms))).toBe(want.total_hold * 1000)
    expect(sum(answered.map((visit) => visit.talk_ms))).toBe(want.total_talk * 1000)
    expect(sum(answered.map((visit) => visit.wait_ms)) / answered.length / 1000).toBeCloseTo(want.asa, 4)
    expect(answered.every((visit) => visit.exited_at !== null && visit.agent_id !== '')).toBe(true)
    expect(mine.every((visit) => visit.did_number!.startsWith('+'))).toBe(true)
  })

  it.each(queueNames)("%s reconciles with the PBX's own queue show", (queue) => {
    const want = expected.queues[queue]!
    const shown = readFileSync(join(path, 'queue_show_final.txt'), 'utf8')
      .split('\n')
      .find((line) => line.startsWith(`${queue} has`))!
    const counters = Object.fromEntries([...shown.matchAll(/\b(C|A|SL|SL2):([\d.]+)/g)].map(([, name, value]) => [name, Number(value)]))
    expect(counters).toEqual(want.asterisk_counters)

    const removals = recordsOf(batches, 'agent_events').filter((event) => event.kind === 'member_removed' && event.queue_id === queue)
    const mine = visits().filter((visit) => visit.queue_id === queue)
    const removedDuring = (visit: (typeof mine)[number]) =>
      removals.some(
        (removal) => removal.agent_id === visit.agent_id && removal.occurred_at >= visit.answered_at! && removal.occurred_at <= visit.exited_at!,
      )
    const lost = mine.filter((visit) => ['abandoned', 'timeout', 'leave_empty'].includes(visit.outcome))
    const completed = mine.filter((visit) => visit.outcome === 'answered' && !removedDuring(visit))
    const within = (list: typeof mine) => list.filter((visit) => visit.wait_ms! <= want.sl_threshold * 1000).length
    const percent = (part: number, whole: number) => Math.round((1000 * part) / whole) / 10
    expect({
      C: completed.length,
      A: lost.length,
      SL: percent(within(completed), completed.length),
      SL2: percent(within(completed) + within(lost), completed.length + lost.length),
    }).toEqual(counters)
    expect(mine.filter((visit) => visit.outcome === 'answered').length - completed.length).toBe(want.calls_of_members_removed_mid_call)
  })

  it('agrees with the dialplan about every single call', () => {
    const byCall = new Map(visits().map((visit) => [visit.call_id, visit]))
    expect(byCall.size).toBe(194)
    const checked = { answered: 0, abandoned: 0, timeout: 0, never_entered: 0 }
    for (const row of truth) {
      const visit = byCall.get(row.call_id)
      if (row.status === 'JOINEMPTY' || row.status === 'FULL') {
        expect(visit, row.call_id).toBeUndefined()
        checked.never_entered += row.stage === 'hangup' ? 1 : 0
        continue
      }
      expect(visit, row.call_id).toMatchObject({ caller_number: row.caller, entered_at: row.t0 * 1000, entry_no: 1, native_id: `${row.call_id}/1` })
      if (row.stage === 'afterqueue') {
        expect(row.status).toBe('TIMEOUT')
        expect(visit, row.call_id).toMatchObject({
          queue_id: row.queue,
          outcome: 'timeout',
          wait_ms: (row.t - row.t0) * 1000,
          exited_at: row.t * 1000,
        })
        checked.timeout += 1
      } else if (row.hold !== '') {
        expect(visit, row.call_id).toMatchObject({
          outcome: 'answered',
          wait_ms: Number(row.hold) * 1000,
          exited_at: row.t * 1000,
          entry_position: Number(row.position),
        })
        checked.answered += 1
      } else {
        expect(visit, row.call_id).toMatchObject({ outcome: 'abandoned', wait_ms: (row.t - row.t0) * 1000, exited_at: row.t * 1000 })
        checked.abandoned += 1
      }
    }
    // Nine callers pressed a key: their context has no hangup handler, so the dialplan says nothing of them.
    expect(checked).toEqual({ answered: 118, abandoned: 53, timeout: 14, never_entered: 29 })
    expect(
      visits()
        .filter((visit) => !truth.some((row) => row.call_id === visit.call_id))
        .map((visit) => visit.outcome),
    ).toEqual(Array(9).fill('key_exit'))
  })

  it('anchors a visit where its call was born', () => {
    for (const visit of visits()) expect(visit.anchor_at).toBe(Number(/-(\d+)\./.exec(visit.call_id)?.[1]) * 1000)
  })
})

describe('agents of a real Asterisk', () => {
  it.each(Object.keys(expected.agents))('%s handled, talked and missed as expected', (agent) => {
    const want = expected.agents[agent]!
    const handled = visits().filter((visit) => visit.agent_id === agent)
    expect(handled.length).toBe(want['CONNECT'])
    expect(sum(handled.map((visit) => visit.talk_ms))).toBe(want['talk']! * 1000)
    const missed = recordsOf(batches, 'agent_events').filter((event) => event.agent_id === agent && event.kind === 'ring_no_answer')
    expect(missed.length).toBe(want['RINGNOANSWER'])
    const talking = recordsOf(batches, 'agent_states').filter((state) => state.agent_id === agent && state.state === 'talking')
    expect(talking.length).toBe(want['CONNECT'])
    // Line times are whole seconds, so a conversation's two ends can be a second off its talk time.
    const talked_s = sum(talking.map((state) => ((state.ended_at as number) - (state.started_at as number)) / 1000))
    expect(Math.abs(talked_s - want['talk']!)).toBeLessThanOrEqual(want['CONNECT']!)
  })

  it('gives every agent one timeline without a gap or an overlap', () => {
    const states = recordsOf(batches, 'agent_states')
    for (const agent of Object.keys(expected.agents)) {
      const mine = states
        .filter((state) => state.agent_id === agent)
        .sort((a, b) => (a.started_at as number) - (b.started_at as number) || (a.native_id < b.native_id ? -1 : 1))
      mine.slice(1).forEach((state, index) => expect(state.started_at, state.native_id).toBe(mine[index]!.ended_at))
      expect(mine.at(-1)?.ended_at).toBeNull()
      expect(mine.at(-1)?.last_seen_at).toBe(mine.at(-1)?.state === 'offline' ? mine.at(-1)?.started_at : 1_795_396_835_000)
    }
    expect(states.filter((state) => state.state === 'paused').map((state) => state.reason)).toContain('Lunch')
    expect(states.filter((state) => state.agent_id === 'Hana' && state.state === 'offline').length).toBe(3)
  })
})

describe('CDR and CEL of a real Asterisk', () => {
  it('keys legs by uniqueid and sequence, and prefers the file with microseconds', () => {
    const legs = recordsOf(batches, 'call_legs')
    expect(legs.length).toBe(693)
    expect(legs.every((leg) => leg.version === 2)).toBe(true)
    expect(legs.filter((leg) => leg.disposition === 'answered').length).toBe(534)
    expect(legs.find((leg) => leg.native_id === 'pbx1-1795396403.4/4')).toMatchObject({
      started_at: 1_795_396_403_491,
      bill_ms: 6023,
      call_id: 'pbx1-1795396403.4',
      direction: 'inbound',
    })
    const csv = recordsOf(
      batches.filter((batch) => batch.stream === 'cdr-csv'),
      'call_legs',
    )
    const byId = new Map(legs.map((leg) => [leg.native_id, leg]))
    for (const leg of csv) {
      const exact = byId.get(leg.native_id)!
      expect(leg.anchor_at).toBe(exact.anchor_at)
      expect(Math.floor((exact.started_at as number) / 1000) * 1000).toBe(leg.started_at)
      expect([leg.disposition, leg.from_number, leg.to_number, leg.call_id]).toEqual([
        exact.disposition,
        exact.from_number,
        exact.to_number,
        exact.call_id,
      ])
    }
  })

  it('makes one call of every linked id, whose talk and outcome agree with the queue log', () => {
    const calls = new Map(recordsOf(batches, 'calls').map((call) => [call.native_id, call]))
    expect(calls.size).toBe(223)
    expect(recordsOf(batches, 'call_events').length).toBe(4852)
    expect([...calls.values()].filter((call) => call.disposition === 'answered').length).toBe(118)
    expect(sum([...calls.values()].map((call) => call.leg_count))).toBe(842)
    for (const visit of visits()) {
      const call = calls.get(visit.call_id)!
      expect(call, visit.call_id).toMatchObject({
        first_queue_id: visit.queue_id,
        disposition: visit.outcome === 'answered' ? 'answered' : 'abandoned',
      })
      expect(call.from_number, visit.call_id).toBe(visit.caller_number!.startsWith('+') ? visit.caller_number : '')
      if (visit.outcome === 'answered') expect(Math.abs(call.talk_ms! - visit.talk_ms!)).toBeLessThanOrEqual(1500)
    }
  })
})

describe('a backfill', () => {
  it('covers every entity for the whole hours its files speak of, and does nothing the second time', async () => {
    const run = newRun()
    await pullAll(createAsteriskSource({ path, follow: false, batch_lines: 500 }), run)
    const coverage = run.batches.flatMap((batch) => batch.coverage ?? [])
    expect(new Set(coverage.map((item) => item.entity))).toEqual(new Set(createAsteriskSource({ path }).entities))
    for (const item of coverage)
      expect([new Date(item.from_ms).toISOString(), new Date(item.to_ms).toISOString()]).toEqual([
        '2026-11-23T01:00:00.000Z',
        '2026-11-23T02:00:00.000Z',
      ])
    expect(run.batches.every((batch) => batch.inputs <= 500)).toBe(true)
    expect(fold(run.batches)).toEqual(fold(batches))
    expect(await pullAll(createAsteriskSource({ path, follow: false }), run)).toEqual([])
  })
})

describe('following', () => {
  let log: string
  let source: Source
  beforeEach(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'callhouse-follow-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    log = join(directory, 'queue_log')
    source = createAsteriskSource({ path: directory })
  })

  it('tells identical lines apart though a restart came between them', async () => {
    const pause = '1795396400|NONE|support|Bob|PAUSE|Lunch\n'
    const run = newRun()
    for (const _ of [1, 2, 3]) {
      await appendFile(log, pause)
      await pullAll(source, run)
    }
    expect(recordsOf(run.batches, 'agent_events').length).toBe(3)
  })

  it('covers up to the last line, says how long open states have lasted, and is silent when nothing is new', async () => {
    const run = newRun()
    await appendFile(log, '1795396400|CLI|support|Bob|ADDMEMBER|\n1795396500|CLI|support|Eve|ADDMEMBER|\nhalf a li')
    const [batch] = await pullAll(source, run)
    expect(batch).toMatchObject({ inputs: 2, coverage: [{ entity: 'queue_visits', to_ms: 1_795_396_500_000 }, {}, {}] })
    expect(await pullAll(source, run)).toEqual([])
    await appendFile(log, 'ne\n1795396700|CLI|support|Eve|REMOVEMEMBER|\n')
    const [next] = await pullAll(source, run)
    expect(next).toMatchObject({ inputs: 2, rejects: [{ code: 'too_few_fields', payload: 'half a line' }] })
    expect(recordsOf(run.batches, 'agent_states')).toMatchObject([
      { agent_id: 'Bob', state: 'available', ended_at: null, last_seen_at: 1_795_396_700_000 },
      { agent_id: 'Eve', state: 'available', ended_at: 1_795_396_700_000, closed_by: 'logout' },
      { agent_id: 'Eve', state: 'offline', ended_at: null },
    ])
  })

  it('forgets the calls of a log that is read again from its beginning', async () => {
    const run = newRun()
    const lines = [
      '1795396400|a.1|support|NONE|ENTERQUEUE||x|1\n',
      '1795396405|a.1|support|NONE|ABANDON|1|1|5\n',
      '1795396406|b.2|support|NONE|ENTERQUEUE||x|1\n',
    ]
    await writeFile(log, lines.join(''))
    await pullAll(source, run)
    await writeFile(log, lines.slice(0, 2).join(''))
    await pullAll(source, run)
    expect(run.warnings).toEqual(['the file is shorter than what was read of it; reading it again from its beginning'])
    expect(recordsOf(run.batches, 'queue_visits').map((visit) => visit.native_id)).toEqual(['a.1/1', 'b.2/1'])
  })

  it("reads cdr-csv in the zone it is given, by either of the setting's names", async () => {
    const starts = async (zone: Partial<AsteriskOptions>) => {
      const all = await pullAll(createAsteriskSource({ path, follow: false, ...zone }))
      return recordsOf(
        all.filter((batch) => batch.stream === 'cdr-csv'),
        'call_legs',
      ).map((leg) => leg.started_at as number)
    }
    const [utc, tz, time_zone] = [await starts({}), await starts({ tz: 'Asia/Kolkata' }), await starts({ time_zone: 'Asia/Kolkata' })]
    expect(tz).toEqual(utc.map((ms) => ms - 5.5 * 3_600_000))
    expect(time_zone).toEqual(tz)
  })

  it('says what is wrong with its settings', async () => {
    expect(() => createAsteriskSource({ path: '.', tz: 'Mars/Base' })).toThrow(expect.objectContaining({ code: 'zone_unknown' }))
    await expect(pullAll(createAsteriskSource({ path: `${log}-nowhere` }))).rejects.toMatchObject({ code: 'source_unavailable' })
  })
})
