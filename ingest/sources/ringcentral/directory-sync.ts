/**
 * The account's extensions, listed whole. RingCentral does not say when one was
 * changed, so the checkpoint holds a print of each: what differs gets the time it
 * was seen as its version, and what is listed no more gets a tombstone.
 */
import { createHash } from 'node:crypto'
import { CallhouseError } from '../../../errors.ts'
import { GarbledAnswer } from '../../http-client.ts'
import type { CanonicalRecord } from '../../records/index.ts'
import type { Batch, PullContext, Reject } from '../../source.ts'
import type { RingCentralApi } from './api-client.ts'
import { readExtension } from './directory-records.ts'
import { isObject, objectAt, readInput, textAt, tombstone } from './json-fields.ts'
import { readList } from './sync-answer.ts'

export const DIRECTORY_STREAM = 'directory'

/** Listed at most this often. */
const EVERY_MS = 5 * 60_000
const PAGE = 1000
/** A million extensions; more is a circle. */
const MOST_PAGES = 1000

/** Print, version, whether it is a person's; the entities it became follow from its print. */
type Seen = [print: string, version: number, is_person: boolean, entities: string[]]

interface DirectoryCheckpoint {
  format: 1
  listed_ms: number
  seen: Record<string, Seen>
}

/** Ends with the ids of the people, whose messages are read. */
export async function* syncDirectory(context: PullContext, api: RingCentralApi): AsyncGenerator<Batch, string[]> {
  const before = readCheckpoint(await context.checkpoint(DIRECTORY_STREAM))
  const now_ms = context.now()
  if (now_ms >= before.listed_ms && now_ms < before.listed_ms + EVERY_MS) return peopleOf(before.seen)
  const seen: DirectoryCheckpoint['seen'] = {}
  const records: CanonicalRecord[] = []
  const rejects: Reject[] = []
  let inputs = 0
  for (const { item, text } of await listAll(context, api)) {
    const known = isObject(item) ? before.seen[String(item['id'])] : undefined
    const print = createHash('sha1').update(text).digest('base64url')
    const is_same = known?.[0] === print
    const version = is_same ? known[1] : Math.max(now_ms, (known?.[1] ?? 0) + 1)
    const read = readInput('extensions', text, () => readExtension(item, text, version))
    if ('reject' in read) {
      rejects.push(read.reject)
      inputs += 1
      // Not understood is not gone.
      if (known) seen[String((item as { id: unknown }).id)] = known
      continue
    }
    const entities = read.records.map(({ entity }) => entity)
    seen[read.id] = [print, version, read.is_person, entities]
    if (is_same) continue
    inputs += 1
    records.push(...read.records, ...goneOf(read.id, known?.[3].filter((name) => !(entities as string[]).includes(name)) ?? [], version))
  }
  for (const [id, [, version, , entities]] of Object.entries(before.seen))
    if (!seen[id]) records.push(...goneOf(id, entities, Math.max(now_ms, version + 1)))
  yield { stream: DIRECTORY_STREAM, inputs, records, rejects, checkpoint: { format: 1, listed_ms: now_ms, seen } satisfies DirectoryCheckpoint }
  return peopleOf(seen)
}

/** Everything first: what is missing is known only at the end of the last page. */
async function listAll(context: PullContext, api: RingCentralApi): Promise<{ item: unknown; text: string }[]> {
  const all: { item: unknown; text: string }[] = []
  for (let page = 1; page <= MOST_PAGES; page += 1) {
    const request = { group: 'medium', path: '/restapi/v1.0/account/~/extension', query: { page, perPage: PAGE } } as const
    const { items, texts, next_page } = await api(context, request, readExtensions)
    for (const [n, item] of items.entries()) all.push({ item, text: texts[n]! })
    if (next_page === undefined) return all
    if (next_page !== page + 1)
      throw new CallhouseError(
        'source_garbled',
        `The list of extensions does not move on: page ${page} names page ${next_page} as the next one. The next pull tries again; if it goes on, show RingCentral's support this message.`,
      )
  }
  throw new CallhouseError('source_garbled', `The list of extensions has more than ${MOST_PAGES} pages. Show RingCentral's support this message.`)
}

function readExtensions(text: string): { items: unknown[]; texts: string[]; next_page: number | undefined } {
  const { items, texts, answer } = readList(text)
  const next = textAt(objectAt(objectAt(answer, 'navigation'), 'nextPage'), 'uri')
  if (next === undefined) return { items, texts, next_page: undefined }
  const next_page = URL.canParse(next) ? Number(new URL(next).searchParams.get('page')) : NaN
  if (!Number.isSafeInteger(next_page)) throw new GarbledAnswer('the answer was no list: nextPage names no page')
  return { items, texts, next_page }
}

function goneOf(id: string, entities: readonly string[], version: number): CanonicalRecord[] {
  return entities.map((entity) => tombstone(entity as CanonicalRecord['entity'], id, undefined, version))
}

function peopleOf(seen: DirectoryCheckpoint['seen']): string[] {
  return Object.keys(seen).filter((id) => seen[id]![2])
}

function readCheckpoint(saved: unknown): DirectoryCheckpoint {
  if (isObject(saved) && saved['format'] === 1 && typeof saved['listed_ms'] === 'number' && isObject(saved['seen']))
    return saved as unknown as DirectoryCheckpoint
  return { format: 1, listed_ms: -Infinity, seen: {} }
}
