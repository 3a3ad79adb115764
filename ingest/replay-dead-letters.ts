/**
 * Reads dead letters again with today's parsers. What now parses is loaded and
 * its dead letter tombstoned, in that order: a crash in between repeats the
 * load, which row identity makes harmless. What still fails stays, with its
 * attempts counted.
 */
import type { Warehouse } from '../sql/warehouse.ts'
import { encodeRecord } from './encode-record.ts'
import type { Loader } from './loader.ts'
import type { LoadTarget } from './record-store.ts'
import type { Envelope } from './records/entity.ts'
import { FieldError } from './records/field.ts'
import { entities, type CanonicalRecord } from './records/index.ts'
import type { RejectCode, Source } from './source.ts'
import { RowBuffer } from './row-buffer.ts'

export interface LetterReplay {
  /** Dead letters looked at; loaded + failing = letters. */
  letters: number
  /** Those that now parse: loaded, or with a dry run only counted. */
  loaded: number
  failing: number
  /** Why the failing ones fail: `code: reason`, and how many. */
  reasons: Map<string, number>
}

export interface LetterFilter {
  entity?: string
  /** Bounds of received_at as days, both included. */
  from?: string
  to?: string
}

interface Letter {
  position: string
  entity: string
  code: RejectCode
  reason: string
  received_at: string
  version: string
  attempts: number
  payload: string
}

type Reading = { records: CanonicalRecord[] } | { code: RejectCode; reason: string }

const PAGE = 1_000
/** A page ends after as many: a letter can be a megabyte. */
const PAGE_BYTES = 16 * 1024 * 1024
/** Dead letters of these hold the start of an input, or its bytes in another form, and not the input. */
const MANGLED: readonly RejectCode[] = ['too_long', 'not_utf8']

/** Replays a source's dead letters, a page at a time; without `apply` it changes nothing. */
export async function replayDeadLetters(
  warehouse: Warehouse,
  loader: Loader,
  source: Source,
  target: LoadTarget,
  options: LetterFilter & { apply: boolean; now?: () => number; signal?: AbortSignal },
): Promise<LetterReplay> {
  const result: LetterReplay = { letters: 0, loaded: 0, failing: 0, reasons: new Map() }
  let after = ''
  for (;;) {
    options.signal?.throwIfAborted()
    const letters = await readPage(warehouse, target, options, after)
    if (letters.length === 0) return result
    after = letters.at(-1)!.position
    const parsed: Letter[] = []
    const records: CanonicalRecord[] = []
    const failing: Letter[] = []
    for (const letter of letters) {
      const reading = read(source, letter, target)
      if ('records' in reading) {
        parsed.push(letter)
        records.push(...reading.records)
      } else {
        failing.push({ ...letter, ...reading })
        const why = `${reading.code}: ${reading.reason}`
        result.reasons.set(why, (result.reasons.get(why) ?? 0) + 1)
      }
    }
    result.letters += letters.length
    result.loaded += parsed.length
    result.failing += failing.length
    if (!options.apply) continue
    await loader.load({ stream: 'replay', inputs: parsed.length, records, rejects: [], checkpoint: null }, target)
    await rewrite(warehouse, target, parsed, failing, (options.now ?? Date.now)())
  }
}

async function readPage(warehouse: Warehouse, target: LoadTarget, filter: LetterFilter, after: string): Promise<Letter[]> {
  const result = await warehouse.query({
    query: `SELECT position, entity, code, reason, toString(received_at) AS received_at, toString(version) AS version, attempts, payload
      FROM (
        SELECT *, sum(length(payload)) OVER (ORDER BY position) - length(payload) AS bytes_before
        FROM dead_letters FINAL
        WHERE tenant_id = {tenant_id:String} AND source_id = {source_id:String} AND position > {after:String}
          AND ({entity:String} = '' OR entity = {entity:String})
          AND toDate(received_at) BETWEEN {from:Date} AND {to:Date}
        ORDER BY position LIMIT {page:UInt32})
      WHERE bytes_before < {page_bytes:UInt64} ORDER BY position`,
    query_params: {
      ...target,
      after,
      entity: filter.entity ?? '',
      from: filter.from ?? '1970-01-01',
      to: filter.to ?? '2149-06-06',
      page: PAGE,
      page_bytes: PAGE_BYTES,
    },
    format: 'JSONEachRow',
  })
  return await result.json<Letter>()
}

/** The records of a letter, all of which can be stored, or what is wrong with it. */
function read(source: Source, letter: Letter, target: LoadTarget): Reading {
  const { entity, payload, position, code, reason } = letter
  if (MANGLED.includes(code)) return { code, reason }
  const { records, rejects } = source.reparse?.({ entity, payload, position, code, reason }) ?? { records: [], rejects: [] }
  // A parser's reject may have a position and a payload too; the letter keeps its own.
  if (rejects[0]) return { code: rejects[0].code, reason: rejects[0].reason }
  if (records.length === 0) return { code: 'unmatched', reason: 'it cannot be read without the inputs around it: load its log again' }
  for (const item of records)
    try {
      encodeRecord(
        entities[item.entity],
        item.record as unknown as Envelope & Record<string, unknown>,
        { ...target, observed_at: '' },
        new RowBuffer(),
      )
    } catch (thrown) {
      if (!(thrown instanceof FieldError)) throw thrown
      return { code: thrown.message.startsWith('native_id') ? 'identity_missing' : 'field_invalid', reason: thrown.message }
    }
  return { records }
}

/** Tombstones what parsed, and says of the rest why and how often it failed; a version above the stored one beats it. */
async function rewrite(warehouse: Warehouse, target: LoadTarget, parsed: Letter[], failing: Letter[], now_ms: number): Promise<void> {
  const row = (letter: Letter, is_deleted: 0 | 1): object => ({
    ...letter,
    ...target,
    version: String(BigInt(letter.version) + 1n),
    attempts: Math.min(letter.attempts + 1, 65_535),
    tried_at: new Date(now_ms).toISOString().slice(0, 23).replace('T', ' '),
    is_deleted,
    // Nothing of a person is kept longer than it must be.
    ...(is_deleted && { payload: '' }),
  })
  const values = [...parsed.map((letter) => row(letter, 1)), ...failing.map((letter) => row(letter, 0))]
  if (values.length > 0) await warehouse.insert({ table: 'dead_letters', format: 'JSONEachRow', values })
}
