/** What each kind of queue_log line does to visits and agents, on small logs written by hand. */
import { describe, expect, it } from 'vitest'
import type { CanonicalRecord } from '../../records/index.ts'
import type { Refusal } from './assembler.ts'
import { assembleQueueLog } from './queue-log-assembler.ts'
import { parseQueueLogLine } from './queue-log.ts'

const T = 1_795_396_400
const CALL = `pbx1-${T}.0`

/** Reads a log whose times are seconds after T; gives what is left at its end and what was refused. */
function read(...lines: string[]) {
  const assembler = assembleQueueLog()
  const refusals: Refusal[] = []
  for (const line of lines) {
    const refusal = assembler.take(line.replace(/^\d+/, (after) => String(T + Number(after))))
    if (refusal !== undefined) refusals.push(refusal)
  }
  const records = assembler.drain()
  const of = <N extends CanonicalRecord['entity']>(entity: N) =>
    records.filter((item) => item.entity === entity).map((item) => item.record as Extract<CanonicalRecord, { entity: N }>['record'])
  return { refusals, visits: of('queue_visits'), states: of('agent_states'), events: of('agent_events') }
}
const at = (after: number) => (T + after) * 1000
const enter = `0|${CALL}|support|NONE|ENTERQUEUE||+15551230000|3`

describe('how a visit ends', () => {
  it('answered, from CONNECT on; ended by COMPLETE', () => {
    const talking = read(enter, `7|${CALL}|support|Bob|CONNECT|6|pbx1-x.2|4`)
    expect(talking.visits).toMatchObject([
      { outcome: 'answered', answered_at: at(7), exited_at: null, wait_ms: 6000, ring_ms: 4000, agent_id: 'Bob', version: 2 },
    ])
    const over = read(enter, `7|${CALL}|support|Bob|CONNECT|6|pbx1-x.2|4`, `20|${CALL}|support|Bob|COMPLETECALLER|6|13|3`)
    expect(over.visits).toMatchObject([
      { native_id: `${CALL}/1`, anchor_at: at(0), exited_at: at(20), talk_ms: 13_000, entry_position: 3, transfer_kind: '', version: 3 },
    ])
  })

  it.each([
    ['ABANDON|2|3|9', { outcome: 'abandoned', wait_ms: 9000, exit_position: 2, entry_position: 3 }],
    ['EXITWITHTIMEOUT|1|3|9', { outcome: 'timeout', wait_ms: 9000, exit_position: 1 }],
    ['EXITWITHTIMEOUT|1', { outcome: 'timeout', wait_ms: 10_000, exit_position: 1 }],
    ['EXITEMPTY|1|3|9', { outcome: 'leave_empty', wait_ms: 9000 }],
    ['EXITWITHKEY|5|2|3|9', { outcome: 'key_exit', wait_ms: 9000, exit_position: 2, entry_position: 3 }],
    ['SYSCOMPAT|', { outcome: 'error', wait_ms: 10_000 }],
  ])('%s', (event, want) => {
    expect(read(enter, `10|${CALL}|support|NONE|${event}`).visits).toMatchObject([{ ...want, exited_at: at(10), answered_at: null, agent_id: '' }])
  })

  it.each([
    ['BLINDTRANSFER|900|xfer|6|13|3', 'blind'],
    ['ATTENDEDTRANSFER|BRIDGE|f6bff5e4|6|13|3', 'attended'],
    ['ATTENDEDTRANSFER|LINK|PJSIP/a-1|PJSIP/b-2|6|13|3', 'attended'],
  ])('%s', (event, kind) => {
    const { visits, states } = read(enter, `7|${CALL}|support|Bob|CONNECT|6|x|4`, `20|${CALL}|support|Bob|${event}`)
    expect(visits).toMatchObject([{ outcome: 'answered', transfer_kind: kind, talk_ms: 13_000, exited_at: at(20) }])
    expect(states.map((state) => [state.state, state.ended_at])).toEqual([
      ['talking', at(20)],
      ['available', null],
    ])
  })

  it('numbers the visits of a call, and gives each the dialled number', () => {
    const { visits } = read(
      `0|${CALL}|support|NONE|DID|+18005550100`,
      enter,
      `5|${CALL}|support|NONE|EXITWITHTIMEOUT|1|1|5`,
      `6|${CALL}|sales|NONE|ENTERQUEUE||+15551230000|1`,
      `9|${CALL}|sales|NONE|ABANDON|1|1|3`,
    )
    expect(visits).toMatchObject([
      { native_id: `${CALL}/1`, queue_id: 'support', did_number: '+18005550100', outcome: 'timeout', version: 3 },
      { native_id: `${CALL}/2`, queue_id: 'sales', did_number: '+18005550100', outcome: 'abandoned', entry_no: 2, anchor_at: at(0) },
    ])
    expect(visits[0]?.payload?.split('\n').length).toBe(3)
  })

  it('never reuses the number of a visit it may have forgotten', () => {
    const { visits } = read(
      enter,
      `5|${CALL}|support|NONE|ABANDON|1|1|5`,
      '20000|NONE|support|Bob|PAUSE|',
      `20001|${CALL}|sales|NONE|ENTERQUEUE||x|1`,
    )
    expect(visits.map((visit) => visit.native_id)).toEqual([`${CALL}/1`, `${CALL}/at-${T + 20_001}`])
  })

  it('gives up after a day, at the last sign of life', () => {
    const { visits } = read(enter, `30|${CALL}|support|Bob|RINGNOANSWER|6000`, '90000|NONE|support|Bob|PAUSE|')
    expect(visits).toMatchObject([{ outcome: 'error', exited_at: at(30), wait_ms: 30_000, version: 3 }])
  })

  it('ends what a restart of the PBX cut off, at the last line before it', () => {
    const { visits, states } = read(enter, `7|${CALL}|support|Bob|CONNECT|6|x|4`, '9|NONE|support|Eve|PAUSE|Lunch', '5000|NONE|NONE|NONE|QUEUESTART|')
    expect(visits).toMatchObject([{ outcome: 'answered', exited_at: at(7) }])
    expect(states).toMatchObject([
      { agent_id: 'Bob', state: 'talking', ended_at: at(9), closed_by: 'restart' },
      { agent_id: 'Eve', state: 'paused', ended_at: at(9) },
    ])
  })

  it('ends a visit whose end the log has lost when the call enters a queue again', () => {
    const { visits, states } = read(enter, `7|${CALL}|support|Bob|CONNECT|6|x|4`, `17|${CALL}|sales|NONE|ENTERQUEUE||x|1`)
    expect(visits).toMatchObject([
      { outcome: 'answered', exited_at: at(17), talk_ms: 10_000 },
      { outcome: 'waiting', entry_no: 2 },
    ])
    expect(states.at(-1)).toMatchObject({ agent_id: 'Bob', state: 'available', started_at: at(17) })
  })
})

describe('what agents do', () => {
  const timeline = (...lines: string[]) =>
    read(...lines).states.map((state) => [
      state.state,
      state.reason,
      (state.started_at as number) / 1000 - T,
      state.ended_at === null ? null : (state.ended_at as number) / 1000 - T,
    ])

  it('serves, is paused, and leaves', () => {
    expect(
      timeline('0|CLI|support|Bob|ADDMEMBER|', '10|NONE|support|Bob|PAUSE|Lunch', '20|NONE|support|Bob|UNPAUSE|', '30|CLI|support|Bob|REMOVEMEMBER|'),
    ).toEqual([
      ['available', '', 0, 10],
      ['paused', 'Lunch', 10, 20],
      ['available', '', 20, 30],
      ['offline', '', 30, null],
    ])
  })

  it.each(['NONE', 'REALTIME', 'MANAGER', 'CLI', ''])('is changed by %s, which is no call', (who) => {
    const { refusals, states, events, visits } = read(`0|${who}|support|Bob|ADDMEMBER|`, `9|${who}|support|Bob|REMOVEMEMBER|`)
    expect([refusals, visits]).toEqual([[], []])
    expect(states.map(({ state }) => state)).toEqual(['available', 'offline'])
    expect(events.map(({ call_id }) => call_id ?? '')).toEqual(['', ''])
    expect(parseQueueLogLine(`${T}|${who}|support|NONE|ENTERQUEUE||1|1`)).toMatchObject({ code: 'identity_missing' })
    expect(parseQueueLogLine(`${T}|${who}|support|Bob|COMPLETEAGENT|6|13|1`)).toMatchObject({ code: 'identity_missing' })
  })

  it('is paused only when every queue has paused them', () => {
    const both = ['0|CLI|support|Bob|ADDMEMBER|', '0|CLI|sales|Bob|ADDMEMBER|', '10|NONE|support|Bob|PAUSE|Lunch']
    expect(timeline(...both)).toEqual([['available', '', 0, null]])
    expect(timeline(...both, '12|NONE|sales|Bob|PAUSE|Lunch').at(-1)).toEqual(['paused', 'Lunch', 12, null])
    expect(timeline(...both, '12|NONE|NONE|Bob|PAUSEALL|').at(-1)).toEqual(['paused', 'Lunch', 12, null])
    expect(timeline(...both, '12|NONE|NONE|Local/102@agents|PAUSEALL|')).toEqual([['available', '', 0, null]])
  })

  it('logs in and out, with states of one second told apart', () => {
    const { states, events } = read(
      `0|${CALL}|NONE|Agent/7|AGENTLOGIN|PJSIP/7`,
      `0|${CALL}|NONE|Agent/7|AGENTLOGOFF|PJSIP/7|0`,
      `0|${CALL}|NONE|Agent/7|AGENTLOGIN|PJSIP/7`,
    )
    expect(states.map((state) => [state.native_id, state.closed_by])).toEqual([
      [`Agent/7/${T}`, 'logout'],
      [`Agent/7/${T}/2`, 'event'],
      [`Agent/7/${T}/3`, undefined],
    ])
    // The two logins are the same line: one hash, two ordinals.
    expect(events.map((event) => [event.kind, event.native_id.split('/')[1]])).toEqual([
      ['login', '0'],
      ['logout', '0'],
      ['login', '1'],
    ])
  })

  it('finishes the call when paused or removed in the middle of it', () => {
    const talk = [enter, `7|${CALL}|support|Bob|CONNECT|6|x|4`, '9|NONE|support|Bob|PAUSE|Lunch']
    expect(timeline(...talk, `20|${CALL}|support|Bob|COMPLETEAGENT|6|13|1`).at(-1)).toEqual(['paused', 'Lunch', 20, null])
    expect(timeline(...talk, '10|CLI|support|Bob|REMOVEMEMBER|', `20|${CALL}|support|Bob|COMPLETEAGENT|6|13|1`).at(-1)).toEqual([
      'offline',
      '',
      20,
      null,
    ])
  })

  it('keeps how long a phone rang', () => {
    const { events, states } = read(enter, `7|${CALL}|support|Bob|RINGNOANSWER|6000`, `9|${CALL}|support|Eve|RINGCANCELED|1500`)
    expect(events).toMatchObject([
      { agent_id: 'Bob', kind: 'ring_no_answer', ring_ms: 6000, call_id: CALL, queue_id: 'support', version: 1 },
      { agent_id: 'Eve', kind: 'ring_canceled', ring_ms: 1500 },
    ])
    expect(states.map((state) => state.state)).toEqual(['available', 'available'])
  })
})

describe('lines that say too little', () => {
  it.each([
    ['', 'too_few_fields'],
    [`${T}|a|b`, 'too_few_fields'],
    ['yesterday|c|q|NONE|ABANDON|1|1|1', 'field_invalid'],
    [`${T}|c|q|NONE|CALLBACKREQUEST|1`, 'unknown_event'],
    [`${T}|c|q|NONE|constructor|1`, 'unknown_event'],
    [`${T}|c|q|NONE|EXITWITHKEY|1`, 'too_few_fields'],
    [`${T}|c|q|Bob|CONNECT|soon`, 'field_invalid'],
    [`${T}|c|q|Bob|CONNECT|`, 'field_invalid'],
    [`${T}|c|q|Bob|CONNECT|99999999`, 'field_invalid'],
    [`${T}|NONE|q|NONE|ENTERQUEUE||1|1`, 'identity_missing'],
    [`${T}|c|q|NONE|CONNECT|1`, 'identity_missing'],
  ])('%s is refused as %s', (line, code) => {
    expect(parseQueueLogLine(line)).toMatchObject({ code })
  })

  it('refuses the end of a call whose beginning is not in the log, and what contradicts it', () => {
    const { refusals, visits } = read(
      `5|${CALL}|support|Bob|COMPLETEAGENT|6|13|1`,
      enter,
      `6|${CALL}|sales|NONE|ABANDON|1|1|5`,
      `7|${CALL}|support|Bob|COMPLETEAGENT|6|13|1`,
    )
    expect(refusals.map((refusal) => refusal.code)).toEqual(['unmatched', 'unmatched', 'unmatched'])
    expect(visits).toMatchObject([{ outcome: 'waiting', version: 1 }])
  })

  it('does not let one wild time age every call, and believes two', () => {
    const wild = read(enter, '999999999|NONE|support|Bob|PAUSE|', `6|${CALL}|support|NONE|ABANDON|1|1|5`)
    expect([wild.refusals.length, wild.visits[0]?.outcome]).toEqual([1, 'abandoned'])
    const idle = read(enter, '9000000|NONE|support|Bob|PAUSE|', '9000001|NONE|support|Bob|UNPAUSE|')
    expect([idle.refusals.length, idle.visits[0]?.outcome]).toEqual([1, 'error'])
  })
})

describe('what no record could hold', () => {
  it('fractions of a second are dropped', () => {
    const { visits, states, refusals } = read(
      `0.75|${CALL}|support|NONE|ENTERQUEUE||+15551230000|3`,
      `9.5|${CALL}|support|NONE|ABANDON|1`,
      '9.9|NONE|support|Bob|PAUSE|',
    )
    expect(refusals).toEqual([])
    expect(visits).toMatchObject([{ entered_at: at(0), exited_at: at(9), wait_ms: 9000 }])
    expect(states).toMatchObject([{ native_id: `Bob/${T + 9}`, version: 2 ** 33 + T + 9 }])
  })

  it('a state that lasts a year goes on as another one', () => {
    const year_s = 365 * 86_400
    const days = Array.from({ length: 800 }, (_, day) => `${day * 86_400}|NONE|NONE|NONE|CONFIGRELOAD|`)
    const { states, refusals } = read('0|NONE|support|Bob|PAUSE|lunch', ...days, `${800 * 86_400}|NONE|support|Bob|UNPAUSE|`)
    expect(refusals).toEqual([])
    expect(states.map(({ state, reason, started_at, ended_at, closed_by }) => [state, reason, started_at, ended_at, closed_by])).toEqual([
      ['paused', 'lunch', at(0), at(year_s), 'age'],
      ['paused', 'lunch', at(year_s), at(2 * year_s), 'age'],
      ['paused', 'lunch', at(2 * year_s), at(800 * 86_400), 'event'],
      ['available', '', at(800 * 86_400), null, undefined],
    ])
  })
})
