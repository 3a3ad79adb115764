/** Paging: whatever the limit, every current row is listed exactly once. */
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { CanonicalRecord } from '../../ingest/records/index.ts'
import { COUNTS, openWorld, type World } from '../test-world.ts'

let world: World
let app: FastifyInstance
beforeAll(async () => {
  world = await openWorld()
  app = world.server({ config: { host: '', port: 0, requestsPerMinute: 1_000_000 } })
})
afterAll(async () => {
  await app.close()
  await world.close()
})

interface Page {
  items: Record<string, unknown>[]
  next_cursor: string | null
}

async function page(entity: string, query: Record<string, string>): Promise<Page> {
  const answer = await app.inject({ url: `/v1/records/${entity}`, query, headers: { authorization: `Bearer ${world.keys.acme}` } })
  expect(answer.statusCode, answer.body).toBe(200)
  return answer.json<Page>()
}

async function listAll(entity: string, limit: number, query: Record<string, string> = {}): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = []
  for (let cursor: string | null | undefined; cursor !== null;) {
    const next: Page = await page(entity, { ...query, limit: String(limit), ...(cursor ? { cursor } : {}) })
    expect(next.items.length).toBeLessThanOrEqual(limit)
    items.push(...next.items)
    cursor = next.next_cursor
  }
  return items
}

it('lists everything exactly once, with any limit', async () => {
  const whole = await listAll('queue_visits', 1000)
  expect(whole).toHaveLength(COUNTS.queue_visits)
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('queue_visits', 'calls', 'users', 'recordings', 'agent_states'),
      fc.integer({ min: 1, max: 130 }),
      async (entity, limit) => {
        const items = await listAll(entity, limit)
        expect(items).toEqual(await listAll(entity, 1000))
        expect(new Set(items.map(({ native_id }) => native_id)).size).toBe(items.length)
      },
    ),
    { numRuns: 12 },
  )
})

it('bounds the first time field, from included, to not', async () => {
  const bounds = { from: '2026-03-02T03:00:00Z', to: '2026-03-03' }
  const items = await listAll('queue_visits', 7, bounds)
  expect(items.map(({ entered_at }) => entered_at)).toEqual(Array.from({ length: 21 }, (_, i) => new Date(Date.UTC(2026, 2, 2, 3 + i)).toISOString()))
  // The same days on a clock that is an hour ahead.
  const berlin = await listAll('queue_visits', 1000, { from: '2026-03-02', to: '2026-03-03', tz: 'Europe/Berlin' })
  expect(
    berlin
      .map(({ entered_at }) => entered_at)
      .sort()
      .at(0),
  ).toBe('2026-03-01T23:00:00.000Z')
  expect(berlin).toHaveLength(24)
})

it('gives times as ISO, money and versions as exact strings, and the payload only when asked', async () => {
  const { items } = await page('calls', { limit: '1' })
  expect(items[0]).toMatchObject({ native_id: 'acme-call-0', started_at: '2026-03-01T00:00:00.000Z', answered_at: null, cost: '0', leg_count: 0 })
  expect(items[0]!.version).toMatch(/^\d+$/)
  expect(items[0]).not.toHaveProperty('payload')
  expect(items[0]).not.toHaveProperty('tenant_id')
  const asked = await page('calls', { limit: '1', include: 'payload' })
  expect(JSON.parse(asked.items[0]!.payload as string)).toMatchObject({ native_id: 'acme-call-0' })
})

it('shows the newest version once, and nothing of what was deleted', async () => {
  const at = Date.UTC(2026, 2, 4)
  const charge = (native_id: string, version: number, amount: string, is_deleted = false): CanonicalRecord => ({
    entity: 'charges',
    record: { native_id, anchor_at: at, version, account_id: 'acme', category: 'voice', charged_at: at, amount, currency: 'EUR', is_deleted },
  })
  await world.load('acme', [charge('a', 1, '1'), charge('b', 1, '1')])
  await world.load('acme', [charge('a', 2, '2.5'), charge('b', 2, '1', true)])
  const items = await listAll('charges', 1)
  expect(items.map(({ native_id, amount }) => [native_id, amount])).toEqual([['a', '2.5']])
})

it('refuses a cursor of another question', async () => {
  const { next_cursor } = await page('calls', { limit: '1' })
  for (const url of [`/v1/records/queue_visits?cursor=${next_cursor}`, `/v1/records/calls?from=2026-03-02&cursor=${next_cursor}`]) {
    const answer = await app.inject({ url, headers: { authorization: `Bearer ${world.keys.acme}` } })
    expect(answer.json().code).toBe('cursor_invalid')
  }
})
