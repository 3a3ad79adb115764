import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { isKey, newKey } from './api-key-format.ts'
import { createKey, findKey, listKeys, revokeKey } from './api-keys.ts'
import type { Control } from './control.ts'
import { onBothControls } from './control.suite.ts'
import { ensureTenant } from './tenants.ts'

describe('the format of a key', () => {
  test('is cdr_live_, 30 characters and a checksum, never the same', () => {
    const keys = Array.from({ length: 1_000 }, newKey)
    expect(keys.every((key) => /^cdr_live_[0-9A-Za-z]{36}$/.test(key) && isKey(key))).toBe(true)
    expect(new Set(keys).size).toBe(1_000)
  })

  test('a key with one character changed is not a key', () => {
    const base62 = fc.stringMatching(/^[0-9A-Za-z]$/)
    fc.assert(
      fc.property(fc.nat(44), base62, (place, character) => {
        const key = newKey()
        const changed = key.slice(0, place) + character + key.slice(place + 1)
        expect(isKey(changed)).toBe(changed === key)
      }),
    )
  })

  test('the checksum is CRC-32 of what stands before it, in base62', () => {
    expect(isKey('cdr_live_0000000000000000000000000000001UNN2B')).toBe(false)
    expect(['', 'cdr_live_', 'Bearer x', `${newKey()} `, newKey().toLowerCase()].filter(isKey)).toEqual([])
  })
})

onBothControls('api keys', ({ control }) => {
  beforeAll(async () => void (await Promise.all(['acme', 'globex'].map((id) => ensureTenant(control(), id)))))
  const make = (options: { expires_at?: Date } = {}): Promise<{ id: string; key: string }> =>
    createKey(control(), { tenant_id: 'acme', name: 'bi', scopes: ['read', 'pii:read'], ...options })

  test('a key is found by itself and by nothing else', async () => {
    const { id, key } = await make()
    expect(await findKey(control(), key)).toMatchObject({ id, tenant_id: 'acme', name: 'bi', scopes: ['read', 'pii:read'], expires_at: null })
    expect(await findKey(control(), newKey())).toBeUndefined()
  })

  test('nothing that is stored or listed gives the key away', async () => {
    const { key } = await make()
    const stored = JSON.stringify(await control().db.selectFrom('api_keys').selectAll().execute()) + JSON.stringify(await listKeys(control()))
    expect(stored).not.toContain(key.slice(15, 39))
    expect(stored).toContain(`"${key.slice(0, 15)}"`)
    expect(JSON.stringify(await listKeys(control()))).not.toContain('hash')
  })

  test('a key of another with the same prefix does not open', async () => {
    const { id, key } = await make()
    let other = newKey()
    // Same shown part, different secret: what a look-up by prefix alone would let in.
    await control()
      .db.updateTable('api_keys')
      .set({ prefix: other.slice(0, 15) } as never)
      .where('id', '=', id)
      .execute()
    expect(await findKey(control(), other)).toBeUndefined()
    other = key
    expect(await findKey(control(), other)).toBeUndefined()
  })

  test('a wrong checksum never reaches the database', async () => {
    const { key } = await make()
    const noDatabase = new Proxy({} as Control, { get: () => expect.fail('the database was asked') })
    expect(await findKey(noDatabase, `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`)).toBeUndefined()
    expect(await findKey(noDatabase, "' or 1=1 --")).toBeUndefined()
  })

  test('a key opens until the millisecond it expires', async () => {
    const expires_at = new Date('2027-03-01T00:00:00.000Z')
    const { key } = await make({ expires_at })
    expect(await findKey(control(), key, expires_at.getTime() - 1)).toMatchObject({ expires_at })
    expect(await findKey(control(), key, expires_at.getTime())).toBeUndefined()
  })

  test('a revoked key opens no more, and revoking again keeps when that was', async () => {
    const { id, key } = await make()
    const revokedAt = async (): Promise<Date | null | undefined> => (await listKeys(control(), 'acme')).find((listed) => listed.id === id)?.revoked_at
    await expect(revokeKey(control(), id, { tenant_id: 'globex' })).rejects.toMatchObject({ code: 'not_found' })
    expect(await findKey(control(), key)).toBeDefined()
    await revokeKey(control(), id)
    const first = await revokedAt()
    await revokeKey(control(), id)
    expect(first).toBeInstanceOf(Date)
    expect(await revokedAt()).toEqual(first)
    expect(await findKey(control(), key)).toBeUndefined()
    await expect(revokeKey(control(), 'no-such-key')).rejects.toMatchObject({ code: 'not_found' })
  })

  test('last use is remembered to the minute', async () => {
    const { key } = await make()
    const start = Date.parse('2026-05-01T10:00:00.000Z')
    const usedAt = async (now_ms: number): Promise<number | undefined> => (await findKey(control(), key, now_ms))?.last_used_at?.getTime()
    expect(await usedAt(start)).toBe(start)
    expect(await usedAt(start + 59_999)).toBe(start)
    expect(await usedAt(start + 60_000)).toBe(start + 60_000)
  })

  test('a tenant has as many keys as it wants, and sees only its own', async () => {
    await createKey(control(), { tenant_id: 'globex', name: 'one', scopes: ['read'] })
    await createKey(control(), { tenant_id: 'globex', name: 'two', scopes: ['ingest'] })
    expect((await listKeys(control(), 'globex')).map(({ name }) => name).sort()).toEqual(['one', 'two'])
  })

  test('a key needs a tenant and scopes that exist', async () => {
    await expect(createKey(control(), { tenant_id: 'ghost', name: 'x', scopes: ['read'] })).rejects.toMatchObject({ code: 'tenant_unknown' })
    await expect(createKey(control(), { tenant_id: 'acme', name: 'x', scopes: [] })).rejects.toMatchObject({ code: 'bad_request' })
    await expect(createKey(control(), { tenant_id: 'acme', name: 'x', scopes: ['root' as 'read'] })).rejects.toMatchObject({ code: 'bad_request' })
    await expect(createKey(control(), { tenant_id: 'acme', name: 'x', scopes: ['read'], expires_at: 'soon' })).rejects.toMatchObject({
      code: 'bad_request',
    })
  })
})
