/**
 * One member of a Kafka consumer group. It keeps polling while a batch is being
 * loaded (or the group would expel it), holds a bounded number of bytes, and
 * commits only what its caller has declared durable.
 *
 * Assignment is eager: with cooperative-sticky, node-rdkafka users have seen
 * partitions that nobody consumed. On revocation the batch under way is waited
 * for and committed, then the partitions are given up; messages not yet handed
 * out are dropped, and their next owner reads them again.
 */
import { CallhouseError, messageOf } from '../errors.ts'
import type { KafkaConsumer, KafkaMessage, KafkaModule, LibrdKafkaError } from './kafka-client.ts'
import { KafkaIntake, type AssignedPartition, type Cut, type NewBatch } from './kafka-intake.ts'
import { checkExtent, type Extent, type LedgerEntry } from './kafka-ledger.ts'
import { partitionKey, partitionOf, toTopicPartitions, type NextOffsets, type PartitionOf } from './kafka-offsets.ts'
import type { PartitionLag, PullContext } from './source.ts'
import { Waiting } from './waiting.ts'

export interface KafkaReaderOptions {
  brokers: readonly string[]
  topics: readonly string[]
  group_id: string
  /** More librdkafka settings: security, client.id, … */
  settings?: Readonly<Record<string, string | number | boolean>>
  /** Of messages, in one load; twice as much is held at most: one batch being loaded, one being gathered. @default 16 MiB */
  batch_bytes?: number
  /** How long to gather messages for a batch. @default 500 */
  linger_ms?: number
  /** @default 10_000 */
  connect_timeout_ms?: number
  /** How long a revocation waits for the batch under way. @default 120_000 */
  revoke_wait_ms?: number
}

/** Decided here: a configuration must not undo what exactness rests on. */
const fixedSettings = {
  'enable.auto.commit': false,
  'enable.auto.offset.store': false,
  'partition.assignment.strategy': 'range,roundrobin',
  'enable.partition.eof': false,
  'allow.auto.create.topics': false,
} as const

const ASSIGN = -175
const REVOKE = -174
const ALL_BROKERS_DOWN = -187
const AUTHENTICATION = -169
/** The topic, the group, the cluster. librdkafka says it once and then waits in silence. */
const FORBIDDEN = new Set([29, 30, 31])
const UNKNOWN_TOPIC = new Set([3, -188, -190])
/** "Where the group stands", librdkafka's logical offset. */
const COMMITTED = -1000
const POLL_MS = 200
const none = { lowOffset: 0, highOffset: 0 }
/** With a full buffer, the group is polled this often. */
const KEEP_ALIVE_MS = 30_000

/** How often the lag is told, whether anything comes or not. */
const LAG_MS = 5_000
/** So many messages are encoded in one go: some milliseconds, in which the process does nothing else. */
const MOST_AT_ONCE = 512

type ReaderContext = Pick<PullContext, 'sleep' | 'signal' | 'log' | 'onLag'>

/** What the reader is given besides its options. */
export interface Intake {
  /** The ledger's entries of some partitions, for those it knows. Asked at every assignment. */
  ledger: (partitions: readonly PartitionOf[]) => Promise<Map<string, LedgerEntry>>
  newBatch: NewBatch
}

export class KafkaReader {
  readonly #consumer: KafkaConsumer
  readonly #options: KafkaReaderOptions
  readonly #context: ReaderContext
  readonly #ledger: Intake['ledger']
  readonly #intake: KafkaIntake
  readonly #waiting: Waiting
  #handed_out: { offsets: NextOffsets; assignment: number } | undefined
  #assignment = 0
  #is_revoked = true
  #paused = new Set<string>()
  #average_bytes = 1_000
  readonly #wake = (): void => this.#waiting.wake()
  #is_closed = false
  #failure: CallhouseError | undefined
  #polling: Promise<void> = Promise.resolve()
  #consuming: Promise<KafkaMessage[]> = Promise.resolve([])
  /** The poll that was under way when the partitions were given up. */
  #stale: Promise<unknown> = Promise.resolve()

  private constructor(kafka: KafkaModule, options: KafkaReaderOptions, { ledger, newBatch }: Intake, context: ReaderContext) {
    this.#options = options
    this.#context = context
    this.#ledger = ledger
    this.#intake = new KafkaIntake(newBatch)
    this.#waiting = new Waiting(context.sleep)
    const settings = {
      'auto.offset.reset': 'earliest',
      'queued.max.messages.kbytes': 16 * 1024,
      ...options.settings,
      ...fixedSettings,
      'metadata.broker.list': options.brokers.join(','),
      'group.id': options.group_id,
      rebalance_cb: (error: LibrdKafkaError, partitions: PartitionOf[]) => void this.#rebalance(error, partitions),
      offset_commit_cb: (error: LibrdKafkaError | null) => {
        if (error) context.log.debug({ code: error.code }, 'Kafka refused a commit; the checkpoint counts')
      },
    }
    const { 'auto.offset.reset': reset, ...global } = settings
    this.#consumer = new kafka.KafkaConsumer(global, { 'auto.offset.reset': reset as 'earliest' })
    this.#consumer.setDefaultConsumeTimeout(POLL_MS)
    this.#consumer.on('event.error', (error) => this.#noteBroken(error))
    context.signal.addEventListener('abort', this.#wake)
  }

  /** Connects and joins the group. Throws kafka_unavailable when no broker answers. */
  static async open(kafka: KafkaModule, options: KafkaReaderOptions, intake: Intake, context: ReaderContext): Promise<KafkaReader> {
    let reader: KafkaReader
    try {
      reader = new KafkaReader(kafka, options, intake, context)
    } catch (cause) {
      throw new CallhouseError(
        'config_invalid',
        `librdkafka does not take the settings of the Kafka source: ${messageOf(cause)}. See its CONFIGURATION.md.`,
      )
    }
    const timeout = options.connect_timeout_ms ?? 10_000
    const error = await new Promise<LibrdKafkaError | null>((resolve) => reader.#consumer.connect({ timeout }, (failed) => resolve(failed)))
    if (error) {
      await reader.close()
      throw reader.#unavailable(`did not answer within ${timeout} ms`)
    }
    reader.#consumer.subscribe([...options.topics])
    reader.#polling = reader.#poll()
    return reader
  }

  /**
   * The next batch, gathered for at most `linger_ms` after its first message;
   * waits for one, and returns undefined when the signal aborts. Call `settle`
   * before the next take.
   */
  async take(): Promise<Cut | undefined> {
    const isOver = (): boolean => this.#context.signal.aborted || this.#isOver()
    await this.#waiting.until(() => this.#intake.isReady || isOver())
    if (!this.#intake.isRecovering) await this.#waiting.forAWhile(this.#options.linger_ms ?? 500, () => this.#isFull() || isOver())
    if (this.#failure) throw this.#failure
    if (this.#context.signal.aborted || !this.#intake.isReady) return undefined
    const cut = this.#intake.cut()
    const offsets = new Map(Array.from(cut.batch.ranges, ([key, { next }]) => [key, next]))
    this.#handed_out = { offsets, assignment: this.#assignment }
    this.#waiting.wake()
    return cut
  }

  /** The batch last taken is durable and so is its checkpoint: commits it. */
  settle(): void {
    if (!this.#handed_out) return
    // After another assignment the partitions may be someone else's, and so is the commit.
    if (this.#handed_out.assignment === this.#assignment) this.#commit(this.#handed_out.offsets)
    this.#handed_out = undefined
    this.#waiting.wake()
  }

  /** Messages of each partition of this member that are not in a batch yet, as far as librdkafka has heard. */
  #lag(): PartitionLag[] {
    if (this.#is_revoked) return []
    const positions = this.#consumer.position(this.#consumer.assignments()) as { topic: string; partition: number; offset?: number }[]
    return positions.flatMap(({ topic, partition, offset }) => {
      const { highOffset } = this.#consumer.getWatermarkOffsets(topic, partition)
      return typeof offset === 'number' && offset >= 0 && highOffset >= 0 ? [{ topic, partition, records: Math.max(0, highOffset - offset) }] : []
    })
  }

  /** Leaves the group without committing anything more. */
  async close(): Promise<void> {
    this.#is_closed = true
    this.#handed_out = undefined
    this.#context.signal.removeEventListener('abort', this.#wake)
    this.#waiting.wake()
    await this.#polling
    this.#intake.clear()
    let is_gone = false
    this.#consumer.disconnect(() => {
      is_gone = true
      this.#waiting.wake()
    })
    await this.#waiting.forAWhile(15_000, () => is_gone)
  }

  async #poll(): Promise<void> {
    let wanted = 64
    let lag_at_ms = 0
    while (!this.#isOver()) {
      // Paused partitions lose what librdkafka has fetched ahead, so a short wait is better than a pause.
      if (this.#isFull() && this.#paused.size === 0) await this.#waiting.forAWhile(KEEP_ALIVE_MS, () => !this.#isFull() || this.#isOver())
      if (this.#isOver()) return
      this.#pauseUnwanted()
      const began_ms = performance.now()
      this.#consuming = this.#consume(this.#roomFor(wanted))
      const messages = await this.#consuming
      const took_ms = performance.now() - began_ms
      // librdkafka waits up to POLL_MS for each message: ask for no more than arrive in a moment.
      if (took_ms > 400) wanted = Math.max(1, wanted >> 1)
      else if (messages.length >= wanted) wanted = Math.min(MOST_AT_ONCE, wanted * 2)
      if (!this.#is_revoked && !this.#isOver()) this.#receive(messages)
      if (began_ms >= lag_at_ms) {
        this.#context.onLag?.(this.#lag())
        lag_at_ms = began_ms + LAG_MS
      }
    }
  }

  #receive(messages: KafkaMessage[]): void {
    if (messages.length === 0) return
    this.#average_bytes = messages.reduce((sum, { size }) => sum + size + 1, 0) / messages.length
    try {
      this.#intake.receive(messages)
    } catch (thrown) {
      if (!(thrown instanceof CallhouseError)) throw thrown
      this.#fail(thrown)
    }
    this.#waiting.wake()
  }

  /** What a batch still takes; one that is cut again takes all it had. */
  #room(): number {
    return this.#intake.isRecovering ? Infinity : (this.#options.batch_bytes ?? 16 * 1024 * 1024) - this.#intake.bytes
  }

  #isFull(): boolean {
    return this.#room() <= 0
  }

  /** How many of the wanted messages fit, by the size of the last ones; at least one. */
  #roomFor(wanted: number): number {
    return Math.max(1, Math.min(wanted, Math.floor(this.#room() / this.#average_bytes)))
  }

  /** Pauses every partition while a batch is full, and while one is cut again all that are not of it. */
  #pauseUnwanted(): void {
    const is_full = this.#isFull()
    if (!is_full && !this.#intake.isRecovering && this.#paused.size === 0) return
    const pause: PartitionOf[] = []
    const resume: PartitionOf[] = []
    for (const partition of this.#is_revoked ? [] : this.#consumer.assignments()) {
      const key = partitionKey(partition)
      const is_wanted = !is_full && this.#intake.wants(key)
      if (is_wanted && this.#paused.delete(key)) resume.push(partition)
      if (!is_wanted && !this.#paused.has(key)) {
        this.#paused.add(key)
        pause.push(partition)
      }
    }
    if (pause.length > 0) this.#consumer.pause(pause)
    if (resume.length > 0) this.#consumer.resume(resume)
  }

  #isOver(): boolean {
    return this.#is_closed || this.#failure !== undefined
  }

  #consume(count: number): Promise<KafkaMessage[]> {
    return new Promise((resolve) => {
      this.#consumer.consume(count, (error: LibrdKafkaError | null, messages) => {
        if (!error) return resolve(messages)
        if (UNKNOWN_TOPIC.has(error.code)) this.#context.log.warn({ topics: this.#options.topics }, 'Kafka has no such topic yet; waiting for it')
        else if (FORBIDDEN.has(error.code)) this.#fail(this.#forbidden(error))
        else if (error.isFatal) this.#fail(this.#unavailable(`failed for good (${error.code}: ${error.message})`))
        else this.#context.log.warn({ code: error.code, reason: error.message }, 'Kafka poll failed, trying again')
        this.#context.sleep(1_000, this.#context.signal).then(
          () => resolve([]),
          () => resolve([]),
        )
      })
    })
  }

  async #rebalance(error: LibrdKafkaError, partitions: PartitionOf[]): Promise<void> {
    try {
      if (error.code === ASSIGN) await this.#assign(partitions)
      else await this.#revoke(error.code === REVOKE)
    } catch (thrown) {
      // librdkafka waits for an answer, and does not close before it has one.
      this.#giveUp()
      if (this.#is_closed) return
      this.#fail(thrown instanceof CallhouseError ? thrown : this.#unavailable(`could not give us partitions (${messageOf(thrown)})`))
    }
  }

  async #assign(partitions: PartitionOf[]): Promise<void> {
    const ledger = await this.#ledger(partitions)
    const known = new Map<string, AssignedPartition>()
    await Promise.all([...ledger].map(async ([key, entry]) => known.set(key, { entry, extent: await this.#extentOf(key, entry.next) })))
    // It may still bring messages of the last assignment, which would be taken for what follows the ledger.
    await this.#stale
    if (this.#is_closed) return void this.#consumer.unassign()
    this.#intake.assign(known)
    this.#paused.clear()
    this.#consumer.assign(
      partitions.map(({ topic, partition }) => {
        const from = known.get(partitionKey({ topic, partition }))
        return { topic, partition, offset: from ? KafkaIntake.startOf(from) : COMMITTED }
      }),
    )
    this.#assignment += 1
    this.#is_revoked = false
    this.#pauseUnwanted()
    this.#context.log.info({ partitions: partitions.length }, 'Kafka partitions assigned')
  }

  async #extentOf(key: string, next: number): Promise<Extent> {
    const { topic, partition } = partitionOf(key)
    const extent = await new Promise<Extent>((resolve, reject) => {
      const timeout = this.#options.connect_timeout_ms ?? 10_000
      this.#consumer.queryWatermarkOffsets(topic, partition, timeout, (error: LibrdKafkaError | null, { lowOffset, highOffset } = none) =>
        error ? reject(new Error(error.message)) : resolve({ low: lowOffset, high: highOffset }),
      )
    })
    const missed = checkExtent(key, next, extent)
    if (missed > 0) this.#context.log.error({ topic, partition, missed }, 'Kafka deleted messages before they were read; its retention is too short')
    return extent
  }

  async #revoke(may_wait: boolean): Promise<void> {
    this.#is_revoked = true
    this.#intake.clear()
    if (may_wait) await this.#waiting.forAWhile(this.#options.revoke_wait_ms ?? 120_000, () => this.#handed_out === undefined || this.#is_closed)
    this.#assignment += 1
    // librdkafka would keep them paused when they are given to us again.
    if (this.#paused.size > 0) this.#consumer.resume([...this.#paused].map(partitionOf))
    this.#paused.clear()
    this.#consumer.unassign()
    this.#stale = this.#consuming
  }

  #giveUp(): void {
    try {
      this.#consumer.unassign()
    } catch (thrown) {
      this.#context.log.debug({ reason: messageOf(thrown) }, 'the client was closed already')
    }
  }

  #commit(offsets: NextOffsets): void {
    try {
      this.#consumer.commit(toTopicPartitions(offsets))
    } catch (thrown) {
      this.#context.log.debug({ reason: messageOf(thrown) }, 'Kafka refused a commit; the checkpoint counts')
    }
  }

  /** librdkafka reconnects by itself; only when nobody answers a question is the pull given up. */
  #noteBroken(error: LibrdKafkaError): void {
    if (error.code === AUTHENTICATION) return this.#fail(this.#unavailable('refused the credentials (settings: security.protocol, sasl.*)'))
    if (error.code !== ALL_BROKERS_DOWN || this.#is_closed || !this.#consumer.isConnected()) return
    const timeout = this.#options.connect_timeout_ms ?? 10_000
    this.#consumer.getMetadata({ timeout }, (failed: LibrdKafkaError | null) => {
      if (failed) this.#fail(this.#unavailable(`went away and did not answer within ${timeout} ms`))
    })
  }

  #fail(failure: CallhouseError): void {
    this.#failure ??= failure
    this.#waiting.wake()
  }

  #forbidden({ message }: LibrdKafkaError): CallhouseError {
    const { brokers, topics, group_id } = this.#options
    return new CallhouseError(
      'kafka_forbidden',
      `Kafka at ${brokers.join(', ')} does not let us read ${topics.join(', ')} as group "${group_id}" (${message}). Grant Read on the group, and Read and Describe on the topics, to the user of the source's settings; nothing is lost, and the next pull goes on from the checkpoint.`,
    )
  }

  #unavailable(what: string): CallhouseError {
    return new CallhouseError(
      'kafka_unavailable',
      `Kafka at ${this.#options.brokers.join(', ')} ${what}. Check the brokers of the source, and that one is up and reachable from here; the next pull goes on from the checkpoint.`,
    )
  }
}
