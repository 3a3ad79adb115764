/** The answer of a sync request: records, and where to go on from. */
import { GarbledAnswer } from '../../http-client.ts'
import { sliceItems } from '../../json-items.ts'
import { isObject, optionalTimeAt, textAt } from './json-fields.ts'

export interface SyncAnswer {
  items: unknown[]
  /** The records as they came. */
  texts: string[]
  /** What was done, which need not be what was asked for. */
  is_full: boolean
  token: string
  time_ms: number | undefined
  has_newer: boolean
  has_older: boolean
}

/** Throws GarbledAnswer for anything else. */
export function readSyncAnswer(text: string): SyncAnswer {
  const { items, texts, answer } = readList(text)
  const info = answer['syncInfo']
  const token = isObject(info) ? textAt(info, 'syncToken') : undefined
  if (!isObject(info) || token === undefined) throw new GarbledAnswer('the answer was no sync: it has no syncToken')
  if (info['syncType'] !== 'FSync' && info['syncType'] !== 'ISync') throw new GarbledAnswer('the answer was no sync: it has no syncType')
  let time_ms: number | undefined
  try {
    time_ms = optionalTimeAt(info, 'syncTime')
  } catch {
    throw new GarbledAnswer('the answer was no sync: syncTime is not a time')
  }
  return {
    items,
    texts,
    is_full: info['syncType'] === 'FSync',
    token,
    time_ms,
    has_newer: info['newerRecordsExist'] === true,
    has_older: info['olderRecordsExist'] === true,
  }
}

/** A list of records, as items and as they came; throws GarbledAnswer for anything else. */
export function readList(text: string): { items: unknown[]; texts: string[]; answer: Record<string, unknown> } {
  const answer: unknown = JSON.parse(text)
  if (!isObject(answer) || !Array.isArray(answer['records'])) throw new GarbledAnswer('the answer was no list: it has no records')
  const items = answer['records'] as unknown[]
  const slices = sliceItems(text, 'records')
  return { items, texts: slices?.length === items.length ? slices : items.map((item) => JSON.stringify(item)), answer }
}
