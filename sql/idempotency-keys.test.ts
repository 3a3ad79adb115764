import { expect, test } from 'vitest'
import { onBothControls } from './control.suite.ts'
import { once, type KeyedRequest } from './idempotency-keys.ts'
import { ensureTenant } from './tenants.ts'

onBothControls('idempotency keys', ({ control }) => {
  const NOW = Date.UTC(2026, 2, 1)
  let keys = 0
  const request = async (): Promise<KeyedRequest> => {
    await ensureTenant(control(), 'acme')
    await ensureTenant(control(), 'globex')
    return { tenant_id: 'acme', key: `key ${(keys += 1)}`, request_hash: 'one' }
  }
  const at = (ms: number) => () => ms
  const never = () => Promise.reject(new Error('done twice'))

  test('the same key gives the first answer without doing the work again, for a day and one tenant', async () => {
    const same = await request()
    expect(await once(control(), same, async () => ({ n: 1 }), at(NOW))).toEqual({ answer: { n: 1 }, is_repeated: false })
    expect(await once(control(), same, never, at(NOW + 86_000_000))).toEqual({ answer: { n: 1 }, is_repeated: true })
    expect(await once(control(), { ...same, tenant_id: 'globex' }, async () => 2, at(NOW))).toMatchObject({ answer: 2, is_repeated: false })
    expect(await once(control(), same, async () => 3, at(NOW + 86_400_001))).toMatchObject({ answer: 3, is_repeated: false })
  })

  test('with another request it is refused', async () => {
    const same = await request()
    await once(control(), same, async () => 1, at(NOW))
    await expect(once(control(), { ...same, request_hash: 'two' }, never, at(NOW))).rejects.toMatchObject({
      code: 'idempotency_mismatch',
      status: 422,
    })
  })

  test('while the first is under way others are told to wait; a claim that nobody finished is taken over', async () => {
    const same = await request()
    let finish = (_: number): void => undefined
    let begun = (): void => undefined
    const isBegun = new Promise<void>((resolve) => (begun = resolve))
    const first = once(control(), same, () => new Promise<number>((resolve) => ((finish = resolve), begun())), at(NOW))
    await isBegun
    await expect(once(control(), same, never, at(NOW + 1_000))).rejects.toMatchObject({ code: 'idempotency_busy', status: 409 })
    expect(await once(control(), same, async () => 2, at(NOW + 200_000))).toMatchObject({ answer: 2, is_repeated: false })
    finish(1)
    await first
  })

  test('a request that fails leaves its key free', async () => {
    const same = await request()
    await expect(once(control(), same, () => Promise.reject(new Error('no')), at(NOW))).rejects.toThrow('no')
    expect(await once(control(), same, async () => 2, at(NOW))).toMatchObject({ answer: 2, is_repeated: false })
  })
})
