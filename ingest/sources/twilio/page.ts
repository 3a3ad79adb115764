/** One page of a Twilio list: its items as they came, and where the next one is. */
import { GarbledAnswer } from '../../http-client.ts'
import { sliceItems } from '../../json-items.ts'

export interface TwilioPage {
  items: unknown[]
  /** The exact text of each item. */
  slices: string[]
  /** The address of the next page, without the host; null on the last. */
  next: string | null
  bytes: number
}

/**
 * Throws GarbledAnswer for what is no such page, and for a next page that is on
 * another host or account (the credentials go nowhere else) or was read before:
 * it would never end.
 */
export function readPage(text: string, key: string, base: string, path: string, visited: ReadonlySet<string>): TwilioPage {
  const page: unknown = JSON.parse(text)
  if (typeof page !== 'object' || page === null) throw new GarbledAnswer('the answer was no page')
  const items = (page as Record<string, unknown>)[key]
  const next = (page as Record<string, unknown>)['next_page_uri']
  if (!Array.isArray(items)) throw new GarbledAnswer(`the answer was no page: it has no ${key}`)
  const slices = sliceItems(text, key)
  return {
    items,
    slices: slices?.length === items.length ? slices : items.map((item) => JSON.stringify(item)),
    next: next === null || next === '' ? null : nextOf(next, base, path, visited),
    bytes: text.length,
  }
}

function nextOf(next: unknown, base: string, path: string, visited: ReadonlySet<string>): string {
  if (typeof next !== 'string' || !URL.canParse(next, base)) throw new GarbledAnswer('the answer was no page: next_page_uri is no address')
  const url = new URL(next, base)
  if (url.origin !== base || url.pathname !== path) throw new GarbledAnswer('next_page_uri leads away from the list')
  const address = url.pathname + url.search
  if (visited.has(address)) throw new GarbledAnswer('next_page_uri leads to a page that was read before')
  return address
}
