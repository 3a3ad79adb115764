/**
 * What every agent was doing, as one timeline each, out of queue_log events.
 *
 * - A conversation comes first: an agent who is paused or removed while talking
 *   is talking until it ends.
 * - An agent is paused when every queue they are known to serve has paused them;
 *   one who is paused in one of two queues can still be called.
 * - A static member is known from the first line that names them; before that
 *   line nothing is claimed.
 * - The log does not say when wrap-up ends or when a phone begins to ring, so
 *   there are no such states: the time counts as available.
 *
 * A state's id is agent and start second (with an ordinal from the second state
 * within a second on). Its version orders "open" before "closed", and open ones
 * by how far they have been followed.
 */
import type { CanonicalRecord } from '../../records/index.ts'
import type { TouchedRecords } from './assembler.ts'
import type { MemberEvent, QueueLogEvent } from './queue-log.ts'

type Kind = 'available' | 'talking' | 'paused' | 'offline'

interface Current {
  kind: Kind
  reason: string
  queue: string
  call: string
  started_s: number
  ordinal: number
}

interface Agent {
  name: string
  /** Queues the agent is known to serve, with the reason they are paused there, or null. */
  queues: [queue: string, pause: string | null][]
  login: boolean | null
  /** One conversation: a new one takes the place of one whose end the log has lost. */
  talk: { call: string; queue: string } | null
  current: Current | null
}

export interface AgentStatesState {
  agents: Agent[]
  followed_s: number
  /** The day, counted from 1970, on which long states were last looked for. */
  renewed_day?: number
}

/** Open states are written again only when the log has gone on for this long. */
const FOLLOW_EVERY_S = 60
/** A record of more than a year is not taken (a lost end is likelier): what lasts so long goes on as another state. */
const LONGEST_S = 365 * 86_400
const CLOSED = 2
const VERSION_STEP = 2 ** 33

/** Follows the agents; every state that begins or ends is added to `touched`. */
export class AgentStates {
  readonly #touched: TouchedRecords
  readonly #agents: Map<string, Agent>
  #followed_s: number
  #renewed_day: number

  constructor(touched: TouchedRecords, state?: AgentStatesState) {
    this.#touched = touched
    this.#agents = new Map(state?.agents.map((agent) => [agent.name, agent]))
    this.#followed_s = state?.followed_s ?? 0
    this.#renewed_day = state?.renewed_day ?? 0
  }

  /** A conversation begins or ends, or a phone rings: the agent serves that queue. */
  take(event: Extract<QueueLogEvent, { kind: 'connect' | 'finish' | 'ring' }>): void {
    const agent = this.#agent(event.agent)
    if (event.kind !== 'finish') {
      setQueue(agent, event.queue, pauseIn(agent, event.queue) ?? null)
      if (agent.login === false) agent.login = null
    }
    if (event.kind === 'connect') agent.talk = { call: event.call, queue: event.queue }
    if (event.kind === 'finish' && agent.talk?.call === event.call) agent.talk = null
    this.#settle(agent, event.at_s)
  }

  /** Membership, login or pause. PAUSEALL names the interface, not the member: it is not news about a name never seen. */
  member(event: Extract<QueueLogEvent, { kind: 'member' }>): void {
    const all = event.name === 'pause_all' || event.name === 'unpause_all'
    if (event.name === 'penalty' || event.name === 'agent_dump' || (all && !this.#agents.has(event.agent))) return
    const agent = this.#agent(event.agent)
    changes[event.name](agent, event.queue, event.detail)
    this.#settle(agent, event.at_s)
  }

  /** A conversation ended without a line that says so. */
  release(name: string, call: string, at_s: number): void {
    const agent = this.#agents.get(name)
    if (agent?.talk?.call !== call) return
    agent.talk = null
    this.#settle(agent, at_s)
  }

  /** The PBX started: nothing is known any more after its last line before that. */
  restart(last_s: number): void {
    for (const agent of this.#agents.values()) this.#close(agent, last_s, 'restart')
    this.#agents.clear()
  }

  /** Once a day of log time: a state that has lasted a year ends, and another one like it begins. */
  renew(now_s: number): void {
    const day = Math.floor(now_s / 86_400)
    if (day === this.#renewed_day) return
    this.#renewed_day = day
    for (const agent of this.#agents.values())
      for (let { current } = agent; current !== null && now_s - current.started_s > LONGEST_S; { current } = agent) {
        const started_s = current.started_s + LONGEST_S
        this.#close(agent, started_s, 'age')
        this.#begin(agent, { ...current, started_s, ordinal: 1 })
      }
  }

  /** The open states, seen until now; at most once a minute of log time unless the log is finished. */
  follow(now_s: number, finished: boolean): CanonicalRecord[] {
    if (!finished && now_s - this.#followed_s < FOLLOW_EVERY_S) return []
    this.#followed_s = now_s
    return [...this.#agents.values()].flatMap((agent) =>
      agent.current === null || agent.current.kind === 'offline' ? [] : [openRecord(agent.name, agent.current, now_s)],
    )
  }

  state(): AgentStatesState {
    return { agents: [...this.#agents.values()], followed_s: this.#followed_s, renewed_day: this.#renewed_day }
  }

  #agent(name: string): Agent {
    const known = this.#agents.get(name)
    if (known !== undefined) return known
    const agent: Agent = { name, queues: [], login: null, talk: null, current: null }
    this.#agents.set(name, agent)
    return agent
  }

  /** Ends the current state and begins the next one when what the agent does has changed. */
  #settle(agent: Agent, at_s: number): void {
    const next = whatIs(agent)
    const now = agent.current
    if (now !== null && now.kind === next.kind && now.reason === next.reason && now.queue === next.queue && now.call === next.call) return
    const started_s = Math.max(at_s, now?.started_s ?? 0)
    if (now !== null) this.#close(agent, started_s, next.kind === 'offline' ? 'logout' : 'event')
    const ordinal = now?.started_s === started_s ? now.ordinal + 1 : 1
    this.#begin(agent, { ...next, started_s, ordinal })
  }

  #begin(agent: Agent, current: Current): void {
    agent.current = current
    const opened = openRecord(agent.name, current, current.started_s)
    this.#touched.add('agent_states', opened.record.native_id, () => opened)
  }

  #close(agent: Agent, at_s: number, closed_by: string): void {
    const { current } = agent
    if (current === null) return
    const ended_s = Math.max(at_s, current.started_s)
    const record = {
      ...stateRecord(agent.name, current),
      version: CLOSED * VERSION_STEP + ended_s,
      ended_at: ended_s * 1000,
      last_seen_at: ended_s * 1000,
      closed_by,
    }
    this.#touched.add('agent_states', record.native_id, () => ({ entity: 'agent_states', record }))
  }
}

const setQueue = (agent: Agent, queue: string, pause: string | null): void => {
  agent.queues = [...agent.queues.filter(([name]) => name !== queue), [queue, pause]]
}

const pauseIn = (agent: Agent, queue: string): string | null | undefined => agent.queues.find(([name]) => name === queue)?.[1]

const changes: Record<Exclude<MemberEvent, 'penalty' | 'agent_dump'>, (agent: Agent, queue: string, detail: string) => void> = {
  member_added: (agent, queue, detail) => setQueue(agent, queue, detail === 'PAUSED' ? '' : null),
  member_removed: (agent, queue) => {
    agent.queues = agent.queues.filter(([name]) => name !== queue)
  },
  login: (agent) => {
    agent.login = true
  },
  logout: (agent) => {
    agent.login = false
  },
  pause: (agent, queue, detail) => setQueue(agent, queue, detail),
  unpause: (agent, queue) => setQueue(agent, queue, null),
  // The pauses of the single queues are in the log too, with the reason; this one has none.
  pause_all: (agent) => {
    if (agent.queues.length === 0 && agent.login === true) setQueue(agent, '', '')
    else agent.queues = agent.queues.map(([queue, pause]) => [queue, pause ?? ''])
  },
  unpause_all: (agent) => {
    agent.queues = agent.queues.map(([queue]) => [queue, null])
  },
}

function whatIs(agent: Agent): Omit<Current, 'started_s' | 'ordinal'> {
  const { talk } = agent
  if (talk !== null) return { kind: 'talking', reason: '', queue: talk.queue, call: talk.call }
  const idle = { queue: '', call: '' }
  if (agent.login === false || (agent.login === null && agent.queues.length === 0)) return { kind: 'offline', reason: '', ...idle }
  const paused = agent.queues.length > 0 && agent.queues.every(([, pause]) => pause !== null)
  if (paused) return { kind: 'paused', reason: agent.queues.at(-1)?.[1] ?? '', ...idle }
  return { kind: 'available', reason: '', ...idle }
}

type StateRecord = Extract<CanonicalRecord, { entity: 'agent_states' }>['record']

function openRecord(agent: string, current: Current, seen_s: number): CanonicalRecord {
  const last_s = Math.max(seen_s, current.started_s)
  return { entity: 'agent_states', record: { ...stateRecord(agent, current), version: VERSION_STEP + last_s, last_seen_at: last_s * 1000 } }
}

function stateRecord(agent: string, current: Current): Omit<StateRecord, 'version'> {
  return {
    native_id: `${agent}/${current.started_s}${current.ordinal > 1 ? `/${current.ordinal}` : ''}`,
    anchor_at: current.started_s * 1000,
    agent_id: agent,
    state: current.kind,
    reason: current.reason,
    queue_id: current.queue,
    call_id: current.call,
    started_at: current.started_s * 1000,
    ended_at: null,
  }
}
