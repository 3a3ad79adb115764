import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { controlLeases } from './control-leases.ts'
import { onBothControls } from './control.suite.ts'
import { withLease } from './leases.ts'

const START = Date.parse('2026-06-01T00:00:00Z')

onBothControls('leases', ({ control, another }) => {
  const expiry = async (name: string): Promise<number> =>
    (await control().db.selectFrom('leases').select('expires_at').where('name', '=', name).executeTakeFirstOrThrow()).expires_at.getTime()

  test('one holder at a time; the next one gets a higher number', async () => {
    const fences: number[] = []
    const took = await withLease(controlLeases(control()), 'one', { ttl_ms: 60_000 }, async ({ fence }) => {
      fences.push(fence)
      expect(await withLease(controlLeases(control()), 'one', { ttl_ms: 60_000 }, () => expect.fail('two hold it'))).toBe(false)
    })
    expect(took).toBe(true)
    expect(await withLease(controlLeases(control()), 'one', { ttl_ms: 60_000 }, async ({ fence }) => void fences.push(fence))).toBe(true)
    expect(fences[1]).toBeGreaterThan(fences[0] ?? Infinity)
  })

  test('leases of different names do not meet', async () => {
    await withLease(controlLeases(control()), 'left', { ttl_ms: 60_000 }, async () => {
      expect(await withLease(controlLeases(control()), 'right', { ttl_ms: 60_000 }, () => Promise.resolve())).toBe(true)
    })
  })

  test('what fails gives the lease back', async () => {
    await expect(withLease(controlLeases(control()), 'fails', { ttl_ms: 60_000 }, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await withLease(controlLeases(control()), 'fails', { ttl_ms: 60_000 }, () => Promise.resolve())).toBe(true)
  })

  test('a dead holder blocks for its time and not a millisecond longer', async () => {
    await control()
      .db.insertInto('leases')
      .values({ name: 'dead', holder: 'killed', fence: 7, expires_at: new Date(START) })
      .execute()
    const tryAt = (now: number) =>
      withLease(
        controlLeases(control(), () => now),
        'dead',
        { ttl_ms: 1_000_000 },
        async ({ fence }) => expect(fence).toBe(8),
      )
    expect(await tryAt(START - 1)).toBe(false)
    expect(await tryAt(START)).toBe(true)
  })

  test('it is renewed while the work lasts', async () => {
    await withLease(controlLeases(control()), 'long', { ttl_ms: 60_000, renew_ms: 5 }, async ({ signal }) => {
      const first = await expiry('long')
      await until(async () => (await expiry('long')) > first)
      expect(signal.aborted).toBe(false)
      expect(await withLease(controlLeases(control()), 'long', { ttl_ms: 60_000 }, () => expect.fail('two hold it'))).toBe(false)
    })
  })

  test('who loses it is told, and does not give back what is not theirs', async () => {
    await withLease(controlLeases(control()), 'lost', { ttl_ms: 60_000, renew_ms: 5 }, async ({ signal }) => {
      await sql`update leases set holder = 'thief', fence = fence + 1, expires_at = now() + interval '1 hour' where name = 'lost'`.execute(
        control().db,
      )
      await until(() => Promise.resolve(signal.aborted))
    })
    expect(await withLease(controlLeases(control()), 'lost', { ttl_ms: 60_000 }, () => expect.fail('two hold it'))).toBe(false)
  })

  test('who cannot renew for as long as it lasts is told', async () => {
    const others = await withLease(controlLeases(control()), 'mute', { ttl_ms: 60, renew_ms: 5 }, async ({ signal }) => {
      await sql`alter table leases rename to leases_gone`.execute(control().db)
      await until(() => Promise.resolve(signal.aborted)).finally(() => sql`alter table leases_gone rename to leases`.execute(control().db))
    })
    expect(others).toBe(true)
  })

  test('of thirty that race from several processes, one at a time works', async () => {
    const others = another ? await Promise.all([another(), another()]) : []
    const racers = [control(), ...others]
    let working = 0
    let worked = 0
    const race = async (i: number): Promise<boolean> =>
      await withLease(controlLeases(racers[i % racers.length] ?? control()), 'race', { ttl_ms: 60_000 }, async () => {
        expect(++working).toBe(1)
        await expiry('race')
        worked++
        working--
      })
    const took = await Promise.all(Array.from({ length: 30 }, (_, i) => race(i)))
    await Promise.all(others.map((other) => other.close()))
    expect(worked).toBeGreaterThan(0)
    expect(took.filter(Boolean)).toHaveLength(worked)
  })
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve))
}
