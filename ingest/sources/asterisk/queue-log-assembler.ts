/** queue_log: its lines become queue visits, agent states and agent events. */
import type { CanonicalRecord } from '../../records/index.ts'
import { AgentStates, type AgentStatesState } from './agent-states.ts'
import { TouchedRecords, type Assembler, type Refusal } from './assembler.ts'
import { LineOrdinals, type LineOrdinalsState } from './identity.ts'
import { LogClock, type LogClockState } from './log-clock.ts'
import { parseQueueLogLine, type QueueLogEvent } from './queue-log.ts'
import { QueueVisits, type QueueVisitsState } from './queue-visits.ts'

interface State {
  clock: LogClockState | null
  ordinals: LineOrdinalsState
  visits: QueueVisitsState
  agents: AgentStatesState
}

type AgentEventRecord = Extract<CanonicalRecord, { entity: 'agent_events' }>['record']
type AgentEvent = Extract<QueueLogEvent, { kind: 'ring' | 'member' }>

/** An assembler for queue_log, fresh or going on from its own `state()`. */
export function assembleQueueLog(saved?: unknown): Assembler {
  const before = saved as State | undefined
  const touched = new TouchedRecords()
  const clock = new LogClock(before?.clock)
  const ordinals = new LineOrdinals(before?.ordinals)
  const visits = new QueueVisits(touched, before?.visits)
  const agents = new AgentStates(touched, before?.agents)

  const agentEvent = (event: AgentEvent, line: string): void => {
    const at_ms = event.at_s * 1000
    const native_id = ordinals.identify(line, String(event.at_s))
    const detail = event.kind === 'member' ? event.detail : ''
    const call_id = event.kind === 'ring' || event.name === 'login' || event.name === 'logout' ? event.call : ''
    const ring_ms = event.kind === 'ring' ? event.ring_ms : 0
    const envelope = { native_id, anchor_at: at_ms, version: 1, payload: line }
    const record: AgentEventRecord = {
      ...envelope,
      agent_id: event.agent,
      queue_id: event.queue,
      call_id,
      occurred_at: at_ms,
      kind: event.name,
      detail,
      ring_ms,
    }
    touched.add('agent_events', native_id, () => ({ entity: 'agent_events', record }))
  }

  return {
    entities: ['queue_visits', 'agent_states', 'agent_events'],
    take(line) {
      const event = parseQueueLogLine(line)
      if ('code' in event) return event
      const last_s = clock.now_s
      if (!clock.accepts(event.at_s)) return wildTime
      for (const { agent, call, at_s } of visits.expire(clock.now_s)) agents.release(agent, call, at_s)
      agents.renew(clock.now_s)
      if (event.kind === 'system') {
        if (!event.restart) return undefined
        visits.restart()
        agents.restart(last_s)
        return undefined
      }
      if (event.kind === 'member') {
        agents.member(event)
        agentEvent(event, line)
        return undefined
      }
      const taken = visits.take(event, line)
      if ('code' in taken) return taken
      for (const { agent, call, at_s } of taken.released) agents.release(agent, call, at_s)
      if (event.kind === 'connect' || event.kind === 'finish' || event.kind === 'ring') agents.take(event)
      if (event.kind === 'ring') agentEvent(event, line)
      return undefined
    },
    drain: () => touched.drain(),
    atEnd: (finished) => agents.follow(clock.now_s, finished),
    span: () => clock.span(),
    state: (): State => ({ clock: clock.toJSON(), ordinals: ordinals.toJSON(), visits: visits.state(), agents: agents.state() }),
  }
}

const wildTime: Refusal = { code: 'field_invalid', reason: 'its time is impossible, or more than 30 days from the lines around it' }
