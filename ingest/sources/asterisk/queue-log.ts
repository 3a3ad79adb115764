/** One line of queue_log (`epoch|callid|queue|member|event|args…`) as a typed event, or the reason it is not one. */
import type { Refusal } from './assembler.ts'

interface Line {
  at_s: number
  call: string
  queue: string
  agent: string
}

export type MemberEvent = (typeof memberEvents)[keyof typeof memberEvents]
export type ExitOutcome = 'abandoned' | 'timeout' | 'key_exit' | 'leave_empty' | 'error'

export type QueueLogEvent = Line &
  (
    | { kind: 'did'; number: string }
    | { kind: 'enter'; caller: string; position: number | undefined }
    | { kind: 'ring'; name: 'ring_no_answer' | 'ring_canceled'; ring_ms: number }
    | { kind: 'connect'; hold_s: number; ring_s: number | undefined }
    | { kind: 'finish'; transfer: '' | 'blind' | 'attended'; talk_s: number; entry_position: number | undefined }
    | { kind: 'exit'; outcome: ExitOutcome; wait_s: number | undefined; entry_position: number | undefined; exit_position: number | undefined }
    | { kind: 'member'; name: MemberEvent; detail: string }
    | { kind: 'system'; restart: boolean }
  )

type Body = QueueLogEvent extends infer E ? (E extends Line ? Omit<E, keyof Line> : never) : never

interface Shape {
  /** Arguments without which the event says nothing; Asterisk has appended arguments over the years. */
  least: number
  needs: 'call' | 'agent' | 'call and agent' | 'nothing'
  read: (args: readonly string[]) => Body
}

/** Events about an agent, by the name their record gets. */
const memberEvents = {
  ADDMEMBER: 'member_added',
  REMOVEMEMBER: 'member_removed',
  AGENTLOGIN: 'login',
  AGENTCALLBACKLOGIN: 'login',
  AGENTLOGOFF: 'logout',
  AGENTCALLBACKLOGOFF: 'logout',
  PAUSE: 'pause',
  UNPAUSE: 'unpause',
  PAUSEALL: 'pause_all',
  UNPAUSEALL: 'unpause_all',
  PENALTY: 'penalty',
  AGENTDUMP: 'agent_dump',
} as const

const exit = (outcome: ExitOutcome, least: number, skip = 0): Shape => ({
  least,
  needs: 'call',
  read: (args) => ({
    kind: 'exit',
    outcome,
    exit_position: count(args[skip]),
    entry_position: count(args[skip + 1]),
    wait_s: seconds(args[skip + 2]),
  }),
})

/** Talk time and position stand last whatever comes before them: a transfer's target may have a `|` of its own. */
const finish = (transfer: '' | 'blind' | 'attended', least: number): Shape => ({
  least,
  needs: 'call and agent',
  read: (args) => {
    const entry_position = args.length > 2 ? count(args.at(-1)) : undefined
    return { kind: 'finish', transfer, talk_s: required(seconds(args.length > 2 ? args.at(-2) : args[1])), entry_position }
  },
})

const ring = (name: 'ring_no_answer' | 'ring_canceled'): Shape => ({
  least: 1,
  needs: 'call and agent',
  read: (args) => ({ kind: 'ring', name, ring_ms: required(count(args[0])) }),
})

const shapes = new Map<string, Shape>([
  ...Object.entries(memberEvents).map(([event, name]): [string, Shape] => [
    event,
    { least: 0, needs: 'agent', read: (args) => ({ kind: 'member', name, detail: args.join('|') }) },
  ]),
  ['DID', { least: 1, needs: 'call', read: (args) => ({ kind: 'did', number: args[0] ?? '' }) }],
  ['ENTERQUEUE', { least: 2, needs: 'call', read: (args) => ({ kind: 'enter', caller: args[1] ?? '', position: count(args[2]) }) }],
  ['RINGNOANSWER', ring('ring_no_answer')],
  ['RINGCANCELED', ring('ring_canceled')],
  [
    'CONNECT',
    { least: 1, needs: 'call and agent', read: (args) => ({ kind: 'connect', hold_s: required(seconds(args[0])), ring_s: seconds(args[2]) }) },
  ],
  ['COMPLETEAGENT', finish('', 2)],
  ['COMPLETECALLER', finish('', 2)],
  ['TRANSFER', finish('blind', 5)],
  ['BLINDTRANSFER', finish('blind', 5)],
  ['ATTENDEDTRANSFER', finish('attended', 4)],
  ['ABANDON', exit('abandoned', 1)],
  ['EXITWITHTIMEOUT', exit('timeout', 1)],
  ['EXITEMPTY', exit('leave_empty', 1)],
  ['EXITWITHKEY', exit('key_exit', 2, 1)],
  [
    'SYSCOMPAT',
    {
      least: 0,
      needs: 'call',
      read: () => ({ kind: 'exit', outcome: 'error', wait_s: undefined, entry_position: undefined, exit_position: undefined }),
    },
  ],
  ['QUEUESTART', { least: 0, needs: 'nothing', read: () => ({ kind: 'system', restart: true }) }],
  ['CONFIGRELOAD', { least: 0, needs: 'nothing', read: () => ({ kind: 'system', restart: false }) }],
])

/** What stands where no call is: NONE, or who changed a member. */
const NO_CALL = new Set(['', 'NONE', 'REALTIME', 'MANAGER', 'CLI'])

/** The event of a line. Unknown events and lines that do not hold what their event needs are refused. */
export function parseQueueLogLine(line: string): QueueLogEvent | Refusal {
  const [time = '', call = '', queue = '', agent = '', event, ...args] = line.split('|')
  if (event === undefined) return { code: 'too_few_fields', reason: 'a queue_log line has at least five fields' }
  if (!/^\d{1,11}(\.\d+)?$/.test(time)) return { code: 'field_invalid', reason: 'the first field is not a time in epoch seconds' }
  const shape = shapes.get(event)
  if (shape === undefined) return { code: 'unknown_event', reason: 'queue_log has no event of that name that is known here' }
  if (args.length < shape.least) return { code: 'too_few_fields', reason: `${event} needs ${shape.least} arguments, there are ${args.length}` }
  if (shape.needs.includes('call') && NO_CALL.has(call)) return { code: 'identity_missing', reason: `${event} names no call` }
  if (shape.needs.includes('agent') && (agent === '' || agent === 'NONE')) return { code: 'identity_missing', reason: `${event} names no agent` }
  if (event === 'ENTERQUEUE' && (queue === '' || queue === 'NONE')) return { code: 'identity_missing', reason: 'ENTERQUEUE names no queue' }
  const body = shape.read(args)
  if (Object.values(body).some(Number.isNaN)) return { code: 'field_invalid', reason: `an argument of ${event} is not a whole number in range` }
  // The app writes whole seconds; a database table of its events has fractions, which no duration here could keep.
  return { at_s: Math.floor(Number(time)), call, queue: queue === 'NONE' ? '' : queue, agent, ...body }
}

/** A whole number; undefined when empty, NaN when it is something else. */
function count(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  return /^\d{1,10}$/.test(text) && Number(text) <= 0xffff_ffff ? Number(text) : NaN
}

/** Seconds that fit a duration column once they are milliseconds. */
function seconds(text: string | undefined): number | undefined {
  const value = count(text)
  return value === undefined || value <= 4_294_967 ? value : NaN
}

function required(value: number | undefined): number {
  return value ?? NaN
}
