/** Calls out of channel events, on small logs written by hand. */
import { describe, expect, it } from 'vitest'
import type { CanonicalRecord } from '../../records/index.ts'
import { assembleCel } from './cel-assembler.ts'
import { parseCelLine } from './cel-csv.ts'

const T = 1_795_396_400
const ID = `pbx-${T}.1`

interface Event {
  after: number
  unique_id?: string
  app?: string
  data?: string
  extra?: object
  name?: string
}
function line(kind: string, { after, unique_id = ID, app = '', data = '', extra, name = 'Zoë "Z" Müller' }: Event): string {
  const fields = [
    kind,
    `${T + after}.250000`,
    name,
    '+15550001111',
    '',
    '',
    '',
    '+18005550100',
    'inbound',
    'PJSIP/trunk-1',
    app,
    data,
    '3',
    '',
    unique_id,
    ID,
    '',
    '',
    '',
    extra === undefined ? '' : JSON.stringify(extra),
  ]
  return fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(',')
}

function read(...lines: string[]) {
  const assembler = assembleCel()
  const refusals = lines.map((text) => assembler.take(text)).filter((refusal) => refusal !== undefined)
  const records = assembler.drain()
  const of = <N extends CanonicalRecord['entity']>(entity: N) =>
    records.filter((item) => item.entity === entity).map((item) => item.record as Extract<CanonicalRecord, { entity: N }>['record'])
  return { refusals, calls: of('calls'), events: of('call_events') }
}
const at = (after: number) => (T + after) * 1000 + 250
const start = line('CHAN_START', { after: 0 })
const end = line('LINKEDID_END', { after: 60 })
const hangup = (cause: number, dialstatus = '') => line('HANGUP', { after: 60, extra: { hangupcause: cause, hangupsource: '', dialstatus } })

describe('a call', () => {
  it('is under way until LINKEDID_END, and answered once its caller is joined to someone', () => {
    const joined = [
      start,
      line('ANSWER', { after: 1 }),
      line('APP_START', { after: 1, app: 'Queue', data: 'support,tT' }),
      line('BRIDGE_ENTER', { after: 20 }),
    ]
    expect(read(...joined).calls).toMatchObject([{ disposition: 'in_progress', answered_at: at(20), ended_at: null, version: 4 }])
    expect(read(...joined, line('BRIDGE_EXIT', { after: 50 }), line('BRIDGE_ENTER', { after: 52 }), hangup(16), end).calls).toMatchObject([
      {
        native_id: ID,
        anchor_at: T * 1000,
        direction: 'inbound',
        from_number: '+15550001111',
        to_number: '+18005550100',
        started_at: at(0),
        answered_at: at(20),
        ended_at: at(60),
        disposition: 'answered',
        talk_ms: 38_000,
        first_queue_id: 'support',
        hangup_cause: '16',
        leg_count: 1,
        version: 8,
      },
    ])
  })

  it.each([
    ['abandoned', [line('ANSWER', { after: 1 }), line('APP_START', { after: 1, app: 'Queue', data: 'support' }), hangup(16)]],
    ['voicemail', [line('ANSWER', { after: 1 }), line('APP_START', { after: 2, app: 'VoiceMail', data: '100' }), hangup(16)]],
    ['answered', [line('ANSWER', { after: 1 }), hangup(16)]],
    ['busy', [hangup(17)]],
    ['busy', [line('ANSWER', { after: 1 }), hangup(16, 'BUSY')]],
    ['rejected', [hangup(21)]],
    ['failed', [hangup(16, 'CHANUNAVAIL')]],
    ['no_answer', [hangup(16)]],
  ])('%s', (disposition, lines) => {
    expect(read(start, ...lines, end).calls).toMatchObject([{ disposition }])
  })

  it('takes what is written just after its end, and keeps what comes later as events alone', () => {
    const { calls, events } = read(start, hangup(16), end, line('CHAN_END', { after: 61 }), line('CHAN_END', { after: 200 }))
    expect(calls).toMatchObject([{ version: 4, ended_at: at(60) }])
    expect(events.length).toBe(5)
  })

  it('is not made up when its beginning is not in the log', () => {
    const { calls, events, refusals } = read(hangup(16), end)
    expect([calls.length, events.length, refusals.length]).toEqual([0, 2, 0])
  })

  it('ends at its last sign of life when nothing is heard of it for a day', () => {
    const { calls } = read(
      start,
      line('ANSWER', { after: 5 }),
      line('CHAN_START', { after: 90_000, unique_id: 'pbx-2.2' }).replace(`"${ID}"`, '"pbx-2.2"'),
    )
    expect(calls[0]).toMatchObject({ ended_at: at(5), disposition: 'answered', version: 3 })
  })
})

describe('a line', () => {
  it('becomes an event that names no caller in its attributes', () => {
    const [event] = read(line('APP_START', { after: 1, app: 'Queue', data: 'support,tT' })).events
    expect(event).toMatchObject({ kind: 'APP_START', queue_id: 'support', call_id: ID, leg_id: ID, occurred_at: at(1) })
    expect(JSON.parse(event?.attributes ?? '')).toEqual({
      channel: 'PJSIP/trunk-1',
      context: 'inbound',
      exten: '+18005550100',
      app: 'Queue',
      app_data: 'support,tT',
    })
  })

  it('is told apart from an identical one', () => {
    expect(new Set(read(start, start, start).events.map((event) => event.native_id)).size).toBe(3)
  })

  it.each([
    ['"ANSWER"', 'too_few_fields'],
    [`${start},"x"`, 'field_invalid'],
    [start.replace('CHAN_START', 'TELEPORT'), 'unknown_event'],
    [start.replace(`${T}.250000`, '2026-11-23 01:13:20'), 'field_invalid'],
    [start.replaceAll(`"${ID}"`, '""'), 'identity_missing'],
    ['"ANSWER', 'field_invalid'],
  ])('%s is refused as %s', (text, code) => {
    expect(parseCelLine(text)).toMatchObject({ code })
  })
})
