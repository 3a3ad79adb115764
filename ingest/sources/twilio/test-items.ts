/** For tests: items as Twilio sends them, and what a runner does with a source. */
import type { TwilioItem } from '../../../fixtures/twilio-mock.ts'
import { encodeRecord } from '../../encode-record.ts'
import { entities, type CanonicalRecord } from '../../records/index.ts'
import { RowBuffer } from '../../row-buffer.ts'
import type { Batch, Source } from '../../source.ts'
import type { TestContext } from '../../test-context.ts'

export const ACCOUNT = `AC${'1'.repeat(32)}`
export const CHILD = `AC${'2'.repeat(32)}`
export const TOKEN = 'secret-token'

export const sid = (prefix: string, n: number): string => prefix + n.toString(16).padStart(32, '0')
/** As Twilio writes times: RFC 2822, in UTC. */
export const rfc = (ms: number): string => new Date(ms).toUTCString().replace('GMT', '+0000')

/** A finished inbound call of a minute; `over` changes what it likes. */
export function callItem(n: number, at_ms: number, over: TwilioItem = {}): TwilioItem {
  return {
    sid: sid('CA', n),
    account_sid: ACCOUNT,
    date_created: rfc(at_ms),
    date_updated: rfc(at_ms + 60_000),
    start_time: rfc(at_ms),
    end_time: rfc(at_ms + 60_000),
    duration: '60',
    status: 'completed',
    direction: 'inbound',
    from: '+15005550001',
    to: '+15005550002',
    parent_call_sid: null,
    price: '-0.00850',
    price_unit: 'USD',
    queue_time: '0',
    ...over,
  }
}

export function messageItem(n: number, at_ms: number, over: TwilioItem = {}): TwilioItem {
  return {
    sid: sid('SM', n),
    account_sid: ACCOUNT,
    date_created: rfc(at_ms),
    date_updated: rfc(at_ms),
    date_sent: rfc(at_ms),
    status: 'delivered',
    direction: 'outbound-api',
    from: '+15005550001',
    to: '+15005550002',
    body: 'hello Bob',
    num_segments: '1',
    num_media: '0',
    price: '-0.0075',
    price_unit: 'USD',
    error_code: null,
    messaging_service_sid: null,
    ...over,
  }
}

export function recordingItem(n: number, at_ms: number, over: TwilioItem = {}): TwilioItem {
  return {
    sid: sid('RE', n),
    account_sid: ACCOUNT,
    call_sid: sid('CA', n),
    conference_sid: null,
    date_created: rfc(at_ms),
    date_updated: rfc(at_ms),
    start_time: rfc(at_ms),
    duration: '42',
    channels: 2,
    status: 'completed',
    price: null,
    uri: `/2010-04-01/Accounts/${ACCOUNT}/Recordings/${sid('RE', n)}.json`,
    ...over,
  }
}

export function usageItem(category: string, day: string, over: TwilioItem = {}): TwilioItem {
  return {
    account_sid: ACCOUNT,
    category,
    start_date: day,
    end_date: day,
    as_of: '2026-03-01T00:00:00+00:00',
    count: '10',
    usage: '12',
    usage_unit: 'minutes',
    price: 1.5,
    price_unit: 'usd',
    ...over,
  }
}

export interface Loaded {
  /** By entity and native id, the record that a warehouse would show. */
  rows: Map<string, CanonicalRecord>
  inputs: number
  rejects: Batch['rejects']
  batches: Batch[]
}

/** One pull, loaded; of two versions the higher stays. Every record must be one that the loader takes. */
export async function pullInto(source: Source, context: TestContext, rows: Loaded['rows'] = new Map()): Promise<Loaded> {
  const loaded: Loaded = { rows, inputs: 0, rejects: [], batches: [] }
  for await (const batch of source.pull(context)) {
    for (const item of batch.records) {
      mustEncode(item)
      const key = `${item.entity}/${item.record.native_id}`
      if (item.record.version >= (rows.get(key)?.record.version ?? 0)) rows.set(key, item)
    }
    loaded.inputs += batch.inputs
    loaded.rejects.push(...batch.rejects)
    loaded.batches.push(batch)
    context.saved.set(batch.stream, structuredClone(batch.checkpoint))
  }
  return loaded
}

/** Throws where the loader would make a dead letter of it: what a source knows to be wrong it rejects itself. */
export function mustEncode({ entity, record }: CanonicalRecord): void {
  encodeRecord(entities[entity], record as never, { tenant_id: 'acme', source_id: 'phone', observed_at: '2026-03-01 00:00:00.000' }, new RowBuffer())
}
