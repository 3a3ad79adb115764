/** For tests: a pretend RingCentral and a source that pulls from it, on one clock; and records as the vendor writes them. */
import { RingCentralServer } from '../../../fixtures/ringcentral-server.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import type { Batch, Source } from '../../source.ts'
import { testContext, type TestContext } from '../../test-context.ts'
import { createRingCentralSource, type RingCentralOptions } from './ringcentral.ts'

export { RingCentralServer }

type Item = Record<string, unknown>

export interface TestAccount {
  server: RingCentralServer
  context: TestContext
  source(options?: Partial<RingCentralOptions>): Source
}

export async function startAccount(): Promise<TestAccount> {
  const context = testContext()
  const server = await new RingCentralServer(() => context.clock.now_ms).start()
  const source = (options: Partial<RingCentralOptions> = {}): Source =>
    createRingCentralSource({ id: 'rc', ...server.client, url: server.url, http: { timeout_ms: 2_000, attempts: 4, random: () => 0 }, ...options })
  return { server, context, source }
}

/** What was loaded: the highest version of each id, tombstones included. */
export type Loaded = Map<string, CanonicalRecord>

/** One pull, loaded as the loader would: accepted + rejected = inputs, highest version wins. */
export async function pullInto(loaded: Loaded, source: Source, context: TestContext): Promise<Batch[]> {
  const batches: Batch[] = []
  for await (const batch of source.pull(context)) {
    batches.push(batch)
    for (const item of batch.records) {
      const key = `${item.entity}/${item.record.native_id}`
      if (item.record.version >= (loaded.get(key)?.record.version ?? 0)) loaded.set(key, item)
    }
    context.saved.set(batch.stream, structuredClone(JSON.parse(JSON.stringify(batch.checkpoint))))
  }
  return batches
}

export const inputsOf = (batches: readonly Batch[]): number => batches.reduce((sum, { inputs }) => sum + inputs, 0)
export const rejectsOf = (batches: readonly Batch[]): Batch['rejects'] => batches.flatMap(({ rejects }) => rejects)

/** The record of an id, if it is there and not gone. */
export function alive(loaded: Loaded, key: string): Item | undefined {
  const record = loaded.get(key)?.record
  return record && record.is_deleted !== true ? (record as unknown as Item) : undefined
}

export const at = (ms: number): string => new Date(ms).toISOString()

/** A call from outside that an extension took after four seconds. */
export function callItem(id: string, started_ms: number, more: Item = {}): Item {
  const end_ms = started_ms + 54_000
  const party = { to: { phoneNumber: '+15550100200' }, from: { phoneNumber: '+15550100300' } }
  const leg = { startTime: at(started_ms), duration: 54, type: 'Voice', direction: 'Inbound', action: 'Phone Call', result: 'Accepted', ...party }
  return {
    id,
    telephonySessionId: `s-a0d17z${started_ms.toString(16).padStart(11, '0')}z${id}`,
    ...leg,
    lastModifiedTime: at(end_ms + 20_000),
    legs: [
      { ...leg, legType: 'Accept' },
      { ...leg, startTime: at(started_ms + 4_000), duration: 50, direction: 'Outbound', legType: 'FindMe', extension: { id: 101 } },
    ],
    ...more,
  }
}

export function smsItem(id: number, created_ms: number, more: Item = {}): Item {
  return {
    id,
    type: 'SMS',
    extensionId: '101',
    creationTime: at(created_ms),
    lastModifiedTime: at(created_ms),
    direction: 'Outbound',
    from: { phoneNumber: '+15550100200' },
    to: [{ phoneNumber: '+15550100300' }],
    messageStatus: 'Queued',
    readStatus: 'Read',
    availability: 'Alive',
    subject: 'the secret text',
    conversationId: 77,
    ...more,
  }
}

export const person = (id: number, more: Item = {}): Item => ({
  id,
  type: 'User',
  name: `Person ${id}`,
  extensionNumber: String(id),
  contact: { firstName: 'Person', lastName: String(id), email: `p${id}@example.com`, department: 'Support' },
  ...more,
})
