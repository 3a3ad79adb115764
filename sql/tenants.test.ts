import { expect, test } from 'vitest'
import { onBothControls } from './control.suite.ts'
import { ensureSource, listSources } from './sources.ts'
import { ensureTenant, findTenant, listTenants } from './tenants.ts'

onBothControls('tenants and sources', ({ control }) => {
  test('a tenant keeps its name and zone until others are given', async () => {
    expect(await ensureTenant(control(), 'acme')).toMatchObject({ id: 'acme', name: 'acme', time_zone: 'UTC' })
    await ensureTenant(control(), 'acme', { name: 'Acme', time_zone: 'Europe/Berlin' })
    expect(await ensureTenant(control(), 'acme')).toMatchObject({ name: 'Acme', time_zone: 'Europe/Berlin' })
    expect(await ensureTenant(control(), 'acme', { name: 'Acme GmbH' })).toMatchObject({ name: 'Acme GmbH', time_zone: 'Europe/Berlin' })
    expect((await findTenant(control(), 'acme'))?.created_at).toBeInstanceOf(Date)
    expect(await findTenant(control(), 'ghost')).toBeUndefined()
  })

  test('twenty at once make one tenant', async () => {
    await Promise.all(Array.from({ length: 20 }, () => ensureTenant(control(), 'globex')))
    expect((await listTenants(control())).map(({ id }) => id)).toEqual(['acme', 'globex'])
  })

  test.each(['', 'Acme', '-acme', 'a b', 'a/b', "a'b", 'a'.repeat(64), 'ä'])('%j cannot be an id', async (id) => {
    await expect(ensureTenant(control(), id)).rejects.toMatchObject({ code: 'bad_request' })
  })

  test('a zone that does not exist is refused', async () => {
    await expect(ensureTenant(control(), 'acme', { time_zone: 'Mars/Olympus' })).rejects.toMatchObject({ code: 'zone_unknown' })
  })

  test('a source is what was configured last', async () => {
    await ensureSource(control(), { tenant_id: 'acme', id: 'pbx', kind: 'asterisk', config: { path: '/var/log', poll_ms: 5 } })
    await ensureSource(control(), { tenant_id: 'globex', id: 'pbx', kind: 'pretend', config: {} })
    await ensureSource(control(), { tenant_id: 'acme', id: 'pbx', kind: 'asterisk', config: { path: '/var/spool' } })
    expect(await listSources(control(), 'acme')).toMatchObject([{ id: 'pbx', kind: 'asterisk', config: { path: '/var/spool' } }])
    expect(await listSources(control())).toHaveLength(2)
  })

  test('a source of nobody is refused', async () => {
    await expect(ensureSource(control(), { tenant_id: 'ghost', id: 'pbx', kind: 'asterisk', config: {} })).rejects.toMatchObject({
      code: 'tenant_unknown',
    })
  })
})
