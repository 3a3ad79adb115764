/** The declarative language: the documentation's own example, every kind of paging, and mistakes told with their paths. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { parse } from 'yaml'
import { VendorServer, type VendorAnswer, type VendorRequest } from '../../../fixtures/vendor-server.ts'
import { testContext, type TestContext } from '../../test-context.ts'
import { findDefinition } from '../index.ts'
import { builtInNames, loadSpec, parseSpec } from './read-spec.ts'
import { createRestSource } from './rest.ts'
import { fieldsOf, nothing, pullInto } from './test-pull.ts'

const guide = readFileSync(new URL('../../../docs/declarative-sources.md', import.meta.url), 'utf8')
const block = (kind: string): string => new RegExp('```' + kind + '\\n([\\s\\S]*?)```').exec(guide)![1]!
const example = parse(block('yaml spec')) as Record<string, unknown>

let answer: (request: VendorRequest) => VendorAnswer
const server = new VendorServer((request) => answer(request))
let context: TestContext

beforeAll(async () => void (await server.start()))
afterAll(() => server.stop())
beforeEach(() => {
  server.requests.length = 0
  context = testContext()
  server.now = () => context.clock.now_ms
})

type Tree = Record<string, unknown>
type Change = (spec: Tree) => void

/** Puts a value at a path of the guide's example; undefined takes away what is there. */
const put =
  (path: string, value?: unknown): Change =>
  (spec) => {
    const steps = path.split('.')
    const inner = steps.slice(0, -1).reduce((tree, step) => tree[step] as Tree, spec)
    if (value === undefined) Reflect.deleteProperty(inner, steps.at(-1)!)
    else inner[steps.at(-1)!] = value
  }

/** The guide's example with other words in it. */
function changed(...changes: Change[]): string {
  const spec = structuredClone(example)
  for (const change of changes) change(spec)
  return JSON.stringify(spec)
}

const sourceOf = (text: string) =>
  createRestSource({
    spec: parseSpec(text, 'tiny.yaml'),
    url: server.url,
    credentials: { token: 'tiny-token' },
    history_from: '2026-02-28T00:00:00Z',
    http: { random: () => 0, attempts: 3 },
  })

const mistakesOf = (text: string): string[] => {
  try {
    parseSpec(text, 'tiny.yaml')
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'config_invalid' })
    return (thrown as { details: { mistakes: string[] } }).details.mistakes
  }
  return []
}

test('the guide’s example is what happens', async () => {
  answer = ({ url, headers }) => {
    if (headers['authorization'] !== 'Bearer tiny-token') return { status: 401, body: {} }
    if (url.pathname === '/account') return { body: { name: 'Tiny & Sons' } }
    const is_its_day = url.searchParams.get('after') === '2026-02-28T00:00:00Z' && url.searchParams.get('page') === '1'
    return { body: is_its_day ? block('json answer') : { data: [] }, type: 'application/json' }
  }
  const source = sourceOf(block('yaml spec'))
  await expect(source.check!(context)).resolves.toEqual({ account: 'Tiny & Sons' })
  const loaded = await pullInto(nothing(), source, context)
  expect(fieldsOf(loaded, 'calls/c-17')).toMatchObject({
    anchor_at: Date.UTC(2026, 1, 28, 9),
    version: 1_772_269_600_000,
    is_deleted: false,
    direction: 'inbound',
    from_number: '+4930123456',
    ended_at: Date.UTC(2026, 1, 28, 9, 5),
    disposition: 'answered',
    talk_ms: 280_500,
    cost: '0.07',
    currency: 'EUR',
  })
  expect(fieldsOf(loaded, 'call_legs/c-17/1')).toMatchObject({ call_id: 'c-17', seq: 1, user_id: 'bo', started_at: Date.UTC(2026, 1, 28, 9) })
  const [reject] = loaded.rejects.values()
  expect(reject).toMatchObject({ entity: 'calls', code: 'field_invalid', reason: 'talk_ms is a negative duration' })
  expect(reject!.position).toMatch(/^calls\/[0-9a-f]{64}$/)
  expect(loaded.inputs).toBe(2)
  expect(source.entities).toEqual(['calls', 'call_legs'])
  const config = parse(block('yaml config')) as { sources: Record<string, unknown>[] }
  const known = [...Object.keys(findDefinition('rest')!.options), 'id', 'tenant', 'kind', 'poll_ms']
  expect(known).toEqual(expect.arrayContaining(Object.keys(config.sources[0]!)))
})

test('every built-in is valid', () => {
  expect(builtInNames()).toEqual(['aircall', 'dialpad', 'zoom-phone'])
  for (const name of builtInNames()) expect(loadSpec(name).format).toBe(1)
  expect(() => loadSpec('nonsense')).toThrow(expect.objectContaining({ code: 'config_invalid' }) as Error)
})

const call = (n: number) => ({ uuid: n, begin: '2026-02-28T09:00:00Z', changed: n, dir: 'in', state: 'ok' })
const five = [1, 2, 3, 4, 5].map(call)

test.each<[string, object, (request: VendorRequest) => VendorAnswer]>([
  [
    'page, by a shorter one',
    { type: 'page', param: 'p', first: 0, size: 2 },
    ({ url }) => {
      const p = Number(url.searchParams.get('p'))
      return { body: { data: five.slice(p * 2, p * 2 + 2) } }
    },
  ],
  [
    'page, by their number',
    { type: 'page', param: 'p', pages: 'meta.pages' },
    ({ url }) => {
      const p = Number(url.searchParams.get('p'))
      return { body: { meta: { pages: 3 }, data: five.slice(p * 2 - 2, p * 2) } }
    },
  ],
  [
    'offset',
    { type: 'offset', param: 'skip', size_param: 'limit', size: 2 },
    ({ url }) => {
      const skip = Number(url.searchParams.get('skip'))
      return { body: { data: five.slice(skip, skip + Number(url.searchParams.get('limit'))) } }
    },
  ],
  [
    'cursor',
    { type: 'cursor', param: 'c', cursor: 'meta.c' },
    ({ url }) => {
      const c = Number(url.searchParams.get('c') ?? 0)
      return { body: { meta: { c: c + 2 < 5 ? c + 2 : null }, data: five.slice(c, c + 2) } }
    },
  ],
  [
    'next link, relative',
    { type: 'next_url', link: 'next' },
    ({ url }) => {
      const c = Number(url.searchParams.get('c') ?? 0)
      return { body: { ...(c + 2 < 5 && { next: `/calls?c=${c + 2}` }), data: five.slice(c, c + 2) } }
    },
  ],
])('paging by %s reads every page once', async (_, paging, handler) => {
  answer = handler
  const text = changed(
    put('streams.calls.paging', paging),
    put('streams.calls.window'),
    put('streams.calls.look_back'),
    put('streams.calls.request.query', {}),
  )
  const loaded = await pullInto(nothing(), sourceOf(text), context)
  expect([...loaded.records.keys()].toSorted()).toEqual(five.map(({ uuid }) => `calls/c-${uuid}`))
  expect(server.requests).toHaveLength(3)
})

test('a status means what the file says', async () => {
  const text = changed(put('retry', { attempts: 4, longest_wait: '2s', statuses: { 403: 'throttle', 500: 'refuse' } }))
  answer = () => (server.requests.length < 3 ? { status: 403, body: {} } : { body: { data: [] } })
  await pullInto(nothing(), sourceOf(text), context)
  expect(server.requests).toHaveLength(3)
  answer = () => ({ status: 500, body: {} })
  server.requests.length = 0
  context.clock.now_ms += 60_000
  await expect(pullInto(nothing(), sourceOf(text), context)).rejects.toMatchObject({ code: 'source_rejected' })
  expect(server.requests).toHaveLength(1)
})

test('what is stripped is in no payload; what is deleted is a tombstone', async () => {
  const text = changed(put('streams.calls.strip', ['note', 'caller.name']))
  answer = ({ url }) =>
    url.searchParams.get('page') === '1'
      ? { body: { data: [{ ...call(1), state: 'purged', note: 'secret', caller: { name: 'secret', number: '+4930123456' } }] } }
      : { body: { data: [] } }
  const loaded = await pullInto(nothing(), sourceOf(text), context)
  expect(fieldsOf(loaded, 'calls/c-1')).toMatchObject({ is_deleted: true, from_number: '+4930123456' })
  expect(String(fieldsOf(loaded, 'calls/c-1')['payload'])).not.toContain('secret')
})

test.each<[string, Change, string]>([
  ['an unknown word', put('streams.calls.pagging', {}), 'streams.calls.pagging: is not a word of the language'],
  ['a missing word', put('check'), 'check: is missing'],
  ['an unknown kind of auth', put('auth.type', 'magic'), 'auth.type: is not one of none, basic, bearer, oauth2'],
  ['an unknown field', put('streams.calls.records.0.fields.colour', 'c'), 'streams.calls.records[0].fields.colour: calls has no such field'],
  [
    'a required field that is not mapped',
    put('streams.calls.records.0.fields.disposition'),
    'streams.calls.records[0].fields.disposition: is required by calls',
  ],
  [
    'a word the field does not know',
    put('streams.calls.records.0.fields.direction.map.in', 'inwards'),
    'streams.calls.records[0].fields.direction.map.in: is not one of inbound, outbound, internal',
  ],
  ['a zone that is none', put('streams.calls.records.0.fields.ended_at.zone', 'Mars'), 'streams.calls.records[0].fields.ended_at.zone'],
  ['a path that is none', put('streams.calls.records.0.anchor_at', 'a..b'), 'streams.calls.records[0].anchor_at.from'],
  ['a period that is none', put('streams.calls.look_back', 'long'), 'streams.calls.look_back: must match'],
  ['a name nobody gives', put('auth.token', '{tokn}'), 'auth.token: "{tokn}" is neither a credential nor a value'],
  ['two sources of a value', put('streams.calls.records.0.fields.cost.const', 1), 'streams.calls.records[0].fields.cost: give one of'],
  ['a page without an end', put('streams.calls.paging.size'), 'streams.calls.paging.size: is needed'],
  [
    'a cap without a window',
    put('streams.calls', { ...(example['streams'] as { calls: Tree }).calls, cap: 5, window: undefined }),
    'streams.calls.cap: only a window',
  ],
  ['an unknown entity', put('streams.calls.records.0.entity', 'cals'), 'streams.calls.records[0].entity: "cals" is no entity'],
])('a mistake is told with its path: %s', (_, change, expected) => {
  expect(mistakesOf(changed(change)).join('\n')).toContain(expected)
})

test('all mistakes are told at once', () => {
  const text = changed(
    put('streams.calls.look_back', 'long'),
    put('streams.other', { request: { path: 'no-slash' }, records: [] }),
    put('auth.type', 'magic'),
  )
  expect(mistakesOf(text)).toHaveLength(4)
})

test('a credential that is missing, or none the file knows, is told by its name', () => {
  const spec = parseSpec(block('yaml spec'), 'tiny.yaml')
  const make = (credentials: Record<string, string>) => () => createRestSource({ spec, credentials })
  expect(make({})).toThrow(/credentials\.token: is required \(the API token\)/)
  expect(make({ token: 'a', tokn: 'b' })).toThrow(/credentials\.tokn: Tiny PBX has none/)
  expect(make({ token: 'line\nbreak' })).toThrow(expect.objectContaining({ code: 'config_invalid' }) as Error)
})
