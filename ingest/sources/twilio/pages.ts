/** The pages of one Twilio list, one after the other. */
import { CallhouseError } from '../../../errors.ts'
import type { HttpClient } from '../../http-client.ts'
import type { List } from './lists.ts'
import type { TwilioSettings } from './options.ts'
import { readPage, type TwilioPage } from './page.ts'

/** The address of a listing's first page. */
export function firstPage(run: { settings: TwilioSettings; account: string; list: List }, from_ms: number, to_ms: number | null): URL {
  const url = new URL(`${run.settings.base}/2010-04-01/Accounts/${run.account}/${run.list.path}`)
  run.list.narrow?.(url, from_ms, to_ms)
  url.searchParams.set('PageSize', String(run.settings.page_size))
  return url
}

/** The pages of one listing. A page that can no longer be had, a day after it was noted, is one to begin again for. */
export async function* pagesOf(
  run: { client: HttpClient; settings: TwilioSettings; list: Pick<List, 'key'> },
  first: URL,
  from: string | null,
): AsyncGenerator<TwilioPage, void> {
  const visited = new Set<string>()
  let has_begun_again = false
  let next = from
  for (;;) {
    const url = next === null ? first : new URL(next, run.settings.base)
    visited.add(url.pathname + url.search)
    let page: TwilioPage
    try {
      page = await run.client.get(url, (text) => readPage(text, run.list.key, run.settings.base, first.pathname, visited))
    } catch (thrown) {
      if (next === null || has_begun_again || !isGone(thrown)) throw thrown
      has_begun_again = true
      next = null
      visited.clear()
      continue
    }
    yield page
    if (page.next === null) return
    next = page.next
  }
}

/** Whether what was asked for is not there, or no longer. */
export function isGone(thrown: unknown): boolean {
  const status = thrown instanceof CallhouseError ? thrown.details?.['status'] : undefined
  return status === 400 || status === 404 || status === 410
}
