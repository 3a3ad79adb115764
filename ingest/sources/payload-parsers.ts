/** Parsers of systems whose own payloads may come through Kafka, by name: adding one is a line here. */
import type { Reparsed, StoredInput } from '../source.ts'
import { connectPayloads } from './amazon-connect/payloads.ts'
import { rereadPretendItem } from './pretend-items.ts'

/** Reads one payload of an entity as the system sends it, without its neighbours. */
export type PayloadParser = (stored: StoredInput) => Reparsed

export const payloadParsers: Readonly<Record<string, (options: { url?: string | undefined }) => PayloadParser>> = {
  pretend:
    ({ url = '' }) =>
    (stored) =>
      rereadPretendItem(stored, url.replace(/\/$/, '')),
  'amazon-connect': () => connectPayloads(),
}
