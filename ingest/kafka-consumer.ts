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
import { aheadOf, checkExtent, type Extent } from './kafka-ledger.ts'
import { partitionKey, raise, toTopicPartitions, type NextOffsets, type PartitionOf } from './kafka-offsets.ts'
import { MessageBuffer } from './message-buffer.ts'
import type { PullContext } from './source.ts'

export interface KafkaReaderOptions {
  brokers: readonly string[]
  topics: readonly string[]
  group_id: string
  /** More librdkafka settings: security, client.id, … */
  settings?: Readonly<Record<string, string | number | boolean>>
  /** Messages held, waiting to be handed out. @default 16 MiB */
  buffer_bytes?: number
  /** @default 8 MiB */
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
const UNKNOWN_TOPIC = new Set([3, -188, -190])
/** "Where the group stands", librdkafka's logical offset. */
const COMMITTED = -1000
const POLL_MS = 200
const none = { lowOffset: 0, highOffset: 0 }
/** With a full buffer, the group is polled this often. */
const KEEP_ALIVE_MS = 30_000

type ReaderContext = Pick<PullContext, 'sleep' | 'signal' | 'log'>
/** Where to begin, for those of the partitions where that is known. */
type StartOffsets = (partitions: readonly PartitionOf[]) => Promise<NextOffsets>

export class KafkaReader {
  readonly #consumer: KafkaConsumer
  readonly #options: KafkaReaderOptions
  readonly #context: ReaderContext
  readonly #startOffsets: StartOffsets
  readonly #buffer: MessageBuffer<KafkaMessage>
  /** Everything this member knows to be durable. */
  readonly #durable: NextOffsets = new Map()
  #handed_out: { offsets: NextOffsets; assignment: number } | undefined
  #assignment = 0
  #is_revoked = true
  readonly #wake = (): void => this.#buffer.wake()
  #is_closed = false
  #failure: CallhouseError | undefined
  #polling: Promise<void> = Promise.resolve()

  private constructor(kafka: KafkaModule, options: KafkaReaderOptions, startOffsets: StartOffsets, context: ReaderContext) {
    this.#options = options
    this.#context = context
    this.#startOffsets = startOffsets
    this.#buffer = new MessageBuffer(options.buffer_bytes ?? 16 * 1024 * 1024)
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

  /** Connects and joins the group. `startOffsets` is asked at every assignment. Throws kafka_unavailable when no broker answers. */
  static async open(kafka: KafkaModule, options: KafkaReaderOptions, startOffsets: StartOffsets, context: ReaderContext): Promise<KafkaReader> {
    let reader: KafkaReader
    try {
      reader = new KafkaReader(kafka, options, startOffsets, context)
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
   * The next messages, gathered for at most `linger_ms` after the first; waits
   * for one, and returns none when the signal aborts. Call `settle` before the
   * next take.
   */
  async take(): Promise<KafkaMessage[]> {
    const batch_bytes = this.#options.batch_bytes ?? 8 * 1024 * 1024
    const isOver = (): boolean => this.#context.signal.aborted || this.#is_closed || this.#failure !== undefined
    await this.#buffer.until(() => this.#buffer.bytes > 0 || isOver())
    if (this.#failure) throw this.#failure
    await this.#forAWhile(this.#options.linger_ms ?? 500, () => this.#buffer.bytes >= batch_bytes || isOver())
    if (this.#context.signal.aborted) return []
    const messages = this.#buffer.take(batch_bytes)
    if (messages.length === 0) return []
    const offsets = this.#nextAfter(messages)
    this.#handed_out = { offsets, assignment: this.#assignment }
    return messages
  }

  /** The messages last taken are durable and so is their checkpoint: commits them. */
  settle(): void {
    if (!this.#handed_out) return
    raise(this.#durable, this.#handed_out.offsets)
    // After another assignment the partitions may be someone else's, and so is the commit.
    if (this.#handed_out.assignment === this.#assignment) this.#commit(this.#handed_out.offsets)
    this.#handed_out = undefined
    this.#buffer.wake()
  }

  /** Where the partitions of the messages last taken are read on from, once those are loaded. */
  takenOffsets(): NextOffsets {
    return new Map(this.#handed_out?.offsets)
  }

  /** Throws checkpoint_invalid when offsets went back: librdkafka begins a topic that was made anew at its start, without a word. */
  #nextAfter(messages: readonly KafkaMessage[]): NextOffsets {
    const next: NextOffsets = new Map()
    for (const message of messages) {
      const key = partitionKey(message)
      const expected = next.get(key) ?? this.#durable.get(key) ?? 0
      if (message.offset < expected) throw aheadOf(key, expected, `offset ${message.offset} came`)
      next.set(key, message.offset + 1)
    }
    return next
  }

  /** Leaves the group without committing anything more. */
  async close(): Promise<void> {
    this.#is_closed = true
    this.#handed_out = undefined
    this.#context.signal.removeEventListener('abort', this.#wake)
    this.#buffer.clear()
    await this.#polling
    let is_gone = false
    this.#consumer.disconnect(() => {
      is_gone = true
      this.#buffer.wake()
    })
    await this.#forAWhile(15_000, () => is_gone)
  }

  async #poll(): Promise<void> {
    let wanted = 64
    let paused: PartitionOf[] = []
    while (!this.#isOver()) {
      if (this.#buffer.isFull()) {
        // Paused partitions lose what librdkafka has fetched ahead, so a short wait is better than a pause.
        if (paused.length === 0) await this.#forAWhile(KEEP_ALIVE_MS, () => this.#buffer.isHalfEmpty() || this.#is_closed)
        if (this.#isOver()) return
        if (this.#buffer.isFull() && paused.length === 0) paused = this.#pause()
      } else if (paused.length > 0) {
        this.#resume(paused)
        paused = []
      }
      const began_ms = performance.now()
      const messages = await this.#consume(this.#buffer.isFull() ? 1 : this.#buffer.roomFor(wanted))
      const took_ms = performance.now() - began_ms
      // librdkafka waits up to POLL_MS for each message: ask for no more than arrive in a moment.
      if (took_ms > 400) wanted = Math.max(1, wanted >> 1)
      else if (messages.length >= wanted) wanted = Math.min(4096, wanted * 2)
      if (!this.#is_revoked && !this.#isOver()) this.#buffer.push(messages)
    }
  }

  #isOver(): boolean {
    return this.#is_closed || this.#failure !== undefined
  }

  /** Waits for the condition, but not longer than that. */
  async #forAWhile(ms: number, condition: () => boolean): Promise<void> {
    if (condition()) return
    const stop = new AbortController()
    let is_over = false
    const timer = this.#context.sleep(ms, stop.signal).then(() => {
      is_over = true
      this.#buffer.wake()
    })
    timer.catch(() => undefined)
    await this.#buffer.until(() => is_over || condition())
    stop.abort()
  }

  #consume(count: number): Promise<KafkaMessage[]> {
    return new Promise((resolve) => {
      this.#consumer.consume(count, (error: LibrdKafkaError | null, messages) => {
        if (!error) return resolve(messages)
        if (UNKNOWN_TOPIC.has(error.code)) this.#context.log.warn({ topics: this.#options.topics }, 'Kafka has no such topic yet; waiting for it')
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
      if (this.#is_closed) return
      this.#fail(thrown instanceof CallhouseError ? thrown : this.#unavailable(`could not give us partitions (${messageOf(thrown)})`))
    }
  }

  async #assign(partitions: PartitionOf[]): Promise<void> {
    const start = await this.#startOffsets(partitions)
    await Promise.all([...start].map(([key, next]) => this.#compareWithTopic(key, next)))
    if (this.#is_closed) return void this.#consumer.unassign()
    // What this member knew of them is as old as its last turn.
    for (const key of partitions.map(partitionKey)) this.#durable.delete(key)
    raise(this.#durable, start)
    this.#consumer.assign(
      partitions.map(({ topic, partition }) => ({ topic, partition, offset: start.get(partitionKey({ topic, partition })) ?? COMMITTED })),
    )
    this.#assignment += 1
    this.#is_revoked = false
    this.#context.log.info({ partitions: partitions.length }, 'Kafka partitions assigned')
  }

  async #compareWithTopic(key: string, next: number): Promise<void> {
    const { topic, partition } = toTopicPartitions(new Map([[key, next]]))[0]!
    const extent = await new Promise<Extent>((resolve, reject) => {
      const timeout = this.#options.connect_timeout_ms ?? 10_000
      this.#consumer.queryWatermarkOffsets(topic, partition, timeout, (error: LibrdKafkaError | null, { lowOffset, highOffset } = none) =>
        error ? reject(new Error(error.message)) : resolve({ low: lowOffset, high: highOffset }),
      )
    })
    const missed = checkExtent(key, next, extent)
    if (missed > 0) this.#context.log.error({ topic, partition, missed }, 'Kafka deleted messages before they were read; its retention is too short')
  }

  async #revoke(may_wait: boolean): Promise<void> {
    this.#is_revoked = true
    this.#buffer.clear()
    if (may_wait) await this.#forAWhile(this.#options.revoke_wait_ms ?? 120_000, () => this.#handed_out === undefined || this.#is_closed)
    this.#assignment += 1
    this.#consumer.unassign()
  }

  #commit(offsets: NextOffsets): void {
    try {
      this.#consumer.commit(toTopicPartitions(offsets))
    } catch (thrown) {
      this.#context.log.debug({ reason: messageOf(thrown) }, 'Kafka refused a commit; the checkpoint counts')
    }
  }

  #pause(): PartitionOf[] {
    const partitions = this.#consumer.assignments()
    if (partitions.length > 0) this.#consumer.pause(partitions)
    return partitions
  }

  #resume(partitions: PartitionOf[]): void {
    const owned = new Set(this.#consumer.assignments().map(partitionKey))
    const still = partitions.filter((partition) => owned.has(partitionKey(partition)))
    if (still.length > 0) this.#consumer.resume(still)
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
    this.#buffer.wake()
  }

  #unavailable(what: string): CallhouseError {
    return new CallhouseError(
      'kafka_unavailable',
      `Kafka at ${this.#options.brokers.join(', ')} ${what}. Check the brokers of the source, and that one is up and reachable from here; the next pull goes on from the checkpoint.`,
    )
  }
}
