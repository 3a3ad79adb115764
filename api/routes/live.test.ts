/** What is happening now: who waits, for how long, and what the agents do. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { liveReader } from '../live/read-live.ts'
import { NOW, openWorld, type World } from '../test-world.ts'

let world: World
beforeAll(async () => void (world = await openWorld()))
afterAll(async () => await world.close())

const live = async (now_ms: number) => {
  const app = world.server({ now: () => now_ms })
  const answer = await app.inject({ url: '/v1/live', headers: { authorization: `Bearer ${world.keys.acme}` } })
  await app.close()
  expect(answer.statusCode, answer.body).toBe(200)
  return answer.json<{ as_of: string | null; queues: object[]; agents: object[] }>()
}

it('counts waiting callers per queue, the longest wait, and agents by state', async () => {
  // Visits 96 to 99 wait since 4, 3, 2 and 1 minutes, in queues 0, 1, 2 and 0.
  expect(await live(NOW)).toEqual({
    as_of: '2026-03-05T12:00:00.000Z',
    queues: [
      { queue_id: 'acme-queue-0', waiting: 2, longest_wait_ms: 240_000 },
      { queue_id: 'acme-queue-1', waiting: 1, longest_wait_ms: 180_000 },
      { queue_id: 'acme-queue-2', waiting: 1, longest_wait_ms: 120_000 },
    ],
    agents: [{ state: 'talking', agents: 3 }],
  })
})

it('never shows a negative wait, nor visits of another day', async () => {
  expect((await live(NOW - 600_000)).queues).toContainEqual({ queue_id: 'acme-queue-1', waiting: 1, longest_wait_ms: 0 })
  expect(await live(NOW + 3 * 86_400_000)).toEqual({ as_of: null, queues: [], agents: [] })
})

it('shows a visit of a source without creation times, which is stored under 1970', async () => {
  const record = {
    native_id: 'acme-timeless',
    version: 1,
    call_id: 'c',
    queue_id: 'acme-queue-9',
    entered_at: NOW - 5000,
    outcome: 'waiting',
  } as const
  await world.load('acme', [{ entity: 'queue_visits', record }])
  expect((await live(NOW)).queues).toContainEqual({ queue_id: 'acme-queue-9', waiting: 1, longest_wait_ms: 5000 })
})

it('shares one answer between wallboards that ask within a second', async () => {
  let queries = 0
  const warehouse = { query: () => (queries++, Promise.resolve({ json: () => Promise.resolve([]) })) } as unknown as World['warehouse']
  let now_ms = NOW
  const read = liveReader(warehouse, () => now_ms)
  await Promise.all([read('acme'), read('acme'), read('acme')])
  expect(queries).toBe(2)
  await read('globex')
  now_ms += 1000
  await read('acme')
  expect(queries).toBe(6)
})
