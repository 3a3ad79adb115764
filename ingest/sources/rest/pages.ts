/** The pages of one listing, by number, offset, cursor or link, with the ways in which they go wrong. */
import { createHash } from 'node:crypto'
import { CallhouseError } from '../../../errors.ts'
import type { HttpContext } from '../../http-client.ts'
import type { Api, ApiRequest } from './api.ts'
import { readCsvAnswer, readJsonAnswer, type Answer } from './answer-items.ts'
import type { Paging, StreamSpec } from './language.ts'
import { valueAt } from './paths.ts'

/** More pages than this are no listing but a server that never ends one. */
const MOST_PAGES = 1_000_000

/** Reads page after page. A link that repeats, or leads to another host, is an error. */
export async function* listPages(api: Api, context: HttpContext, stream: StreamSpec, first: ApiRequest, name: string): AsyncGenerator<Answer, void> {
  const { paging } = stream
  let request = firstPage(first, paging)
  const seen = new Set<string>([printOf(request.url.href)])
  let read = 0
  for (let n = 1; n <= MOST_PAGES; n += 1) {
    const page = await api.send(context, { ...request, accept: stream.answer === 'csv' ? 'text/csv, */*' : 'application/json' }, (text) =>
      stream.answer === 'csv' ? readCsvAnswer(text, stream.strip) : readJsonAnswer(text, stream.items, stream.strip),
    )
    read += page.items.length
    yield page
    const next = nextPage(request, paging, page, n, read, name)
    if (!next) return
    if (!api.isOwn(next.url)) throw broken(name, `a page's next link leads to another host (${next.url.host}), where the credentials must not go`)
    const print = printOf(next.url.href)
    if (seen.has(print)) throw broken(name, 'a page names as the next one a page that was already read')
    seen.add(print)
    request = next
  }
  throw broken(name, `there are more than ${MOST_PAGES} pages`)
}

function firstPage(request: ApiRequest, paging: Paging): ApiRequest {
  if (paging.type === 'none') return request
  const url = new URL(request.url)
  if (paging.size_param !== undefined && paging.size !== undefined) url.searchParams.set(paging.size_param, String(paging.size))
  if (paging.type === 'page') url.searchParams.set(paging.param, String(paging.first ?? 1))
  if (paging.type === 'offset') url.searchParams.set(paging.param, '0')
  return { ...request, url }
}

function nextPage(request: ApiRequest, paging: Paging, { answer, items }: Answer, n: number, read: number, name: string): ApiRequest | undefined {
  const turned = (param: string, value: string | number): ApiRequest => {
    const url = new URL(request.url)
    url.searchParams.set(param, String(value))
    return { ...request, url }
  }
  switch (paging.type) {
    case 'none':
      return undefined
    case 'page': {
      const pages = paging.pages === undefined ? undefined : Number(valueAt(answer, paging.pages))
      if (pages !== undefined && !Number.isFinite(pages)) throw broken(name, `an answer has no number of pages at ${paging.pages!}`)
      const is_last = pages === undefined ? items.length < paging.size! : n >= pages
      return is_last || items.length === 0 ? undefined : turned(paging.param, (paging.first ?? 1) + n)
    }
    case 'offset':
      return items.length < paging.size! ? undefined : turned(paging.param, read)
    case 'cursor': {
      const cursor = valueAt(answer, paging.cursor)
      if (cursor === undefined || cursor === null || cursor === '') return undefined
      if (typeof cursor !== 'string' && typeof cursor !== 'number') throw broken(name, `what stands at ${paging.cursor} is no cursor`)
      return turned(paging.param, cursor)
    }
    case 'next_url': {
      const link = valueAt(answer, paging.link)
      if (link === undefined || link === null || link === '') return undefined
      if (typeof link !== 'string' || !URL.canParse(link, request.url.href)) throw broken(name, `what stands at ${paging.link} is no address`)
      return { ...request, url: new URL(link, request.url) }
    }
  }
}

function broken(name: string, what: string): CallhouseError {
  return new CallhouseError(
    'source_garbled',
    `The pages of ${name} do not move on: ${what}. Show the API's operator this message; the next pull tries again from the last checkpoint.`,
  )
}

/** Addresses can be long, and a listing has many. */
function printOf(href: string): string {
  return createHash('sha256').update(href).digest('base64')
}
