/** Names of contacts on calls: as they are when asked, the tenant's own, and through every way rows are read. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWorld, type TenantId, type World } from './test-world.ts'

let world: World
beforeAll(async () => void (world = await openWorld()), 60_000)
afterAll(() => world.close())

const number = (tenant: TenantId, i: number): string => `+4930${tenant === 'acme' ? '1' : '2'}${String(100_000 + i)}`
const contact = (tenant: TenantId, i: number, name: string, version: number, more: object = {}) =>
  world.load(tenant, [{ entity: 'contacts', record: { native_id: number(tenant, i), number: number(tenant, i), name, version, ...more } }])
async function get(tenant: TenantId, url: string) {
  const app = world.server()
  const answer = await app.inject({ url, headers: { authorization: `Bearer ${world.keys[tenant]}` } })
  await app.close()
  expect(answer.statusCode, answer.body.slice(0, 500)).toBe(200)
  return answer
}
const calls = async (tenant: TenantId) =>
  (await get(tenant, '/v1/records/calls?limit=1000')).json<{ items: { from_number: string; from_name: string; to_name: string }[] }>().items

test('without contacts a call has no names; with them it has, and a renamed contact is renamed everywhere at once', async () => {
  expect(new Set((await calls('acme')).flatMap(({ from_name, to_name }) => [from_name, to_name]))).toEqual(new Set(['']))
  await contact('acme', 3, "Ada O'Hara \\ 李", 1)
  await contact('acme', 99, 'Our own line', 1)
  const named = await calls('acme')
  expect(named.filter(({ from_name }) => from_name === "Ada O'Hara \\ 李").length).toBe(
    named.filter(({ from_number }) => from_number === number('acme', 3)).length,
  )
  expect(named.filter(({ from_name }) => from_name !== '').length).toBeGreaterThan(2)
  expect(named.every(({ to_name }) => to_name === 'Our own line')).toBe(true)
  await contact('acme', 3, 'Ada Byron', 2)
  expect(new Set((await calls('acme')).map(({ from_name }) => from_name))).toEqual(new Set(['', 'Ada Byron']))
})

test('a contact that is gone names nobody, and one tenant’s contacts are not another’s', async () => {
  // The same number, of both: a supplier of each.
  await world.load('globex', [{ entity: 'contacts', record: { native_id: 'x', number: number('acme', 4), name: 'globex supplier', version: 1 } }])
  expect((await calls('acme')).map(({ from_name }) => from_name)).not.toContain('globex supplier')
  await contact('acme', 5, 'Bob', 1)
  expect((await calls('acme')).map(({ from_name }) => from_name)).toContain('Bob')
  await contact('acme', 5, '', 2, { is_deleted: true })
  expect((await calls('acme')).map(({ from_name }) => from_name)).not.toContain('Bob')
})

test('pages and exports have them, too', async () => {
  const page = (await get('acme', '/v1/records/calls?limit=7')).json<{ items: object[]; next_cursor: string }>()
  const next = (await get('acme', `/v1/records/calls?limit=7&cursor=${encodeURIComponent(page.next_cursor)}`)).json<{
    items: { from_name: string }[]
  }>()
  expect(next.items).toHaveLength(7)
  expect([...page.items, ...next.items].filter((item) => (item as { from_name: string }).from_name === 'Ada Byron')).toHaveLength(1)
  for (const format of ['csv', 'jsonl']) expect((await get('acme', `/v1/export/calls?format=${format}`)).body).toContain('Ada Byron')
})
