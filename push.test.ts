/** What is pushed over HTTP: keys and tenants, signatures, sending again, verdicts, and that an answer means it is stored. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Stores } from './app.ts'
import { normalizeConfig } from './config.ts'
import { openLog } from './log.ts'
import { onBothModes } from './modes.suite.ts'
import { listenApi, type RunningApi } from './serve-api.ts'
import { createKey } from './sql/api-keys.ts'
import { ensureTenant } from './sql/tenants.ts'

onBothModes('push', (stores) => {
  const data = mkdtempSync(join(tmpdir(), 'callhouse-push-'))
  let api: RunningApi
  const keys: Record<string, string> = {}

  beforeAll(async () => {
    const config = normalizeConfig({
      data,
      log_level: 'silent',
      api: { port: 0, admin_key: 'an-admin-key-for-tests' },
      sources: [
        { id: 'switch', tenant: 'acme', kind: 'freeswitch', token: 'the-token' },
        { id: 'unsigned', tenant: 'acme', kind: 'freeswitch' },
        { id: 'pbx', tenant: 'acme', kind: 'asterisk', path: data },
      ],
    })
    api = await listenApi(stores(), config, openLog('silent'))
    for (const [name, tenant_id, scopes] of [
      ['acme', 'acme', ['ingest', 'read']],
      ['globex', 'globex', ['ingest', 'read']],
      ['reader', 'acme', ['read']],
    ] as const) {
      await ensureTenant(stores().control, tenant_id)
      keys[name] = (await createKey(stores().control, { tenant_id, name, scopes })).key
    }
  }, 60_000)
  afterAll(async () => {
    await api.close()
    rmSync(data, { recursive: true, force: true })
  })

  const push = async (path: string, body: string | Buffer, { key = keys['acme'], type = 'application/json', headers = {} }: PushOptions = {}) => {
    const answer = await fetch(`${api.url}/v1/ingest/${path}`, {
      method: 'POST',
      body: new Uint8Array(Buffer.from(body)),
      headers: { 'content-type': type, ...(key && { authorization: `Bearer ${key}` }), ...headers },
    })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, json: (text ? JSON.parse(text) : undefined) as Record<string, unknown> }
  }
  const call = (native_id: string, more: object = {}) => ({
    native_id,
    anchor_at: '2026-03-01T10:00:00.000Z',
    version: 1,
    direction: 'inbound',
    started_at: '2026-03-01T10:00:00.000Z',
    disposition: 'answered',
    ...more,
  })
  const ids = (table: string, where: object) => rowsOf(stores(), table, where)

  test('records are stored when the answer says so: each accepted or rejected by itself, in its order', async () => {
    const sent = [call('v-1', { vendor_extra: 1.1 }), call('v-2', { direction: 'sideways' }), 42, call('v-4', { ring_ms: -1 }), call('v-5')]
    const answer = await push('records/calls', JSON.stringify(sent))
    expect(answer).toMatchObject({ status: 200, json: { inputs: 5, accepted: 2, rejected: 3 } })
    expect(answer.json['verdicts']).toEqual([
      { index: 0, outcome: 'accepted' },
      { index: 1, outcome: 'rejected', code: 'field_invalid', reason: 'direction is not one of inbound, outbound, internal' },
      { index: 2, outcome: 'rejected', code: 'identity_missing', reason: 'the record is not an object' },
      { index: 3, outcome: 'rejected', code: 'field_invalid', reason: expect.stringContaining('ring_ms') as string },
      { index: 4, outcome: 'accepted' },
    ])
    const stored = await ids('calls', { tenant_id: 'acme', source_id: 'push' })
    expect(stored.map(({ native_id }) => native_id)).toEqual(['v-1', 'v-5'])
    expect(JSON.parse(String(stored[0]!['payload']))).toHaveProperty('vendor_extra', 1.1)
    const letters = await ids('dead_letters', { tenant_id: 'acme', source_id: 'push' })
    expect(letters.map(({ code }) => code).toSorted()).toEqual(['field_invalid', 'field_invalid', 'identity_missing'])
    // Again, and nothing is there twice.
    await push('records/calls', JSON.stringify(sent))
    expect(await ids('calls', { tenant_id: 'acme', source_id: 'push' })).toHaveLength(2)
    expect(await ids('dead_letters', { tenant_id: 'acme', source_id: 'push' })).toHaveLength(3)
  })

  test('as NDJSON, in an object, and as CSV', async () => {
    const line = (id: string) => JSON.stringify(call(id))
    const body = Buffer.concat([Buffer.from(`${line('n-1')}\r\n\n{"half\n`), Buffer.from([0xff, 0xfe, 10]), Buffer.from(line('n-2'))])
    const lines = await push('records/calls?source=lines', body, { type: 'application/x-ndjson; charset=utf-8' })
    expect(lines.json).toMatchObject({ accepted: 2, rejected: 2, verdicts: [{}, { code: 'not_json' }, { code: 'not_utf8' }, {}] })
    expect((await push('records/calls?source=object', JSON.stringify({ records: [call('o-1')] }))).json).toMatchObject({ accepted: 1, rejected: 0 })
    const csv = 'native_id,user_id,name,is_agent\nu1,u1,"Ada, of Sales",true\nu2,u2,Bob,perhaps\nu3\n'
    expect((await push('records/users?source=csv', csv, { type: 'text/csv' })).json).toMatchObject({
      accepted: 1,
      verdicts: [{}, { code: 'field_invalid' }, { code: 'too_few_fields' }],
    })
    expect(await ids('users', { source_id: 'csv' })).toMatchObject([{ user_id: 'u1', name: 'Ada, of Sales', is_agent: true }])
  })

  test('the body of a message is not kept, whether it is accepted or not', async () => {
    const message = { native_id: 'm1', version: 1, direction: 'inbound', status: 'received', created_at: '2026-03-01T10:00:00Z', body: 'our secret' }
    await push('records/messages', JSON.stringify([message, { ...message, native_id: 'm2', status: 'lost' }]))
    const kept = [...(await ids('messages', { tenant_id: 'acme' })), ...(await ids('dead_letters', { entity: 'messages' }))]
    expect(kept).toHaveLength(2)
    expect(JSON.stringify(kept)).not.toContain('our secret')
  })

  test('under one idempotency key the same request is done once, and another is refused', async () => {
    const headers = { 'idempotency-key': 'k-1' }
    const first = await push('records/contacts?source=crm', JSON.stringify([{ number: '+4930111', name: 'Ada' }, {}]), { headers })
    const version = async () => (await ids('contacts', { source_id: 'crm' }))[0]!['version']
    const before = await version()
    const again = await push('records/contacts?source=crm', JSON.stringify([{ number: '+4930111', name: 'Ada' }, {}]), { headers })
    expect(again.json).toEqual(first.json)
    expect(first.json).toMatchObject({ accepted: 1, rejected: 1 })
    expect([first.headers.get('idempotency-replayed'), again.headers.get('idempotency-replayed')]).toEqual([null, 'true'])
    expect(await version()).toBe(before)
    expect(await push('records/contacts?source=crm', '[]', { headers })).toMatchObject({ status: 422, json: { code: 'idempotency_mismatch' } })
    // Another tenant's key is another key.
    expect((await push('records/contacts?source=crm', '[]', { headers, key: keys['globex']! })).json).toMatchObject({ inputs: 0 })
  })

  test('a tenant writes only its own, with a key that may', async () => {
    await push('records/calls', JSON.stringify([call('theirs')]), { key: keys['globex']! })
    expect((await ids('calls', { native_id: 'theirs' })).map(({ tenant_id }) => tenant_id)).toEqual(['globex'])
    expect(await push('records/calls', '[]', { key: keys['globex']!, headers: { 'x-callhouse-tenant': 'acme' } })).toMatchObject({ status: 403 })
    expect(await push('records/calls', '[]', { key: keys['reader']! })).toMatchObject({ status: 403, json: { code: 'forbidden' } })
    expect(await push('records/calls', '[]', { key: '' })).toMatchObject({ status: 401, json: { code: 'unauthorized' } })
    // Acme's source, and not globex's.
    expect(await push('switch?token=the-token', cdr('x'), { key: keys['globex']! })).toMatchObject({ status: 404, json: { code: 'not_found' } })
  })

  test('what cannot be read as a whole is a problem, and nothing of it is kept', async () => {
    const before = (await ids('dead_letters', {})).length
    for (const [path, body, type, status, code] of [
      ['records/calls', '<html>', 'application/json', 400, 'bad_request'],
      ['records/calls', '{"record":[]}', 'application/json', 400, 'bad_request'],
      ['records/calls', '[]', 'application/xml', 400, 'bad_request'],
      ['records/users', 'a,"b', 'text/csv', 400, 'bad_request'],
      ['records/cals', '[]', 'application/json', 404, 'entity_unknown'],
      ['records/calls?sorce=x', '[]', 'application/json', 400, 'bad_request'],
      ['records/calls?source=pbx', '[]', 'application/json', 400, 'bad_request'],
      ['records/calls', ' '.repeat(10 * 1024 * 1024 + 1), 'application/json', 413, 'body_too_large'],
      ['pbx', '[]', 'application/json', 404, 'not_found'],
      ['nothing', '[]', 'application/json', 404, 'not_found'],
    ] as const) {
      const answer = await push(path, body, { type })
      expect(answer, path).toMatchObject({ status, json: { code } })
      expect(answer.headers.get('content-type')).toContain('application/problem+json')
    }
    expect(await ids('dead_letters', {})).toHaveLength(before)
  })

  test('a webhook without a key: only where the source knows its sender; a wrong one is counted and never stored', async () => {
    const keyless = { key: '' }
    expect((await push('acme/switch?token=the-token', cdr('leg-1'), keyless)).status).toBe(204)
    expect(await ids('call_legs', { source_id: 'switch' })).toHaveLength(1)
    const letters = (await ids('dead_letters', { source_id: 'switch' })).length
    expect(await push('acme/switch?token=guess', cdr('leg-2'), keyless)).toMatchObject({ status: 403, json: { code: 'signature_invalid' } })
    expect(await push('acme/switch', cdr('leg-2'), keyless)).toMatchObject({ status: 403 })
    expect(await push('acme/unsigned', cdr('leg-2'), keyless)).toMatchObject({ status: 401 })
    expect(await push('globex/switch?token=the-token', cdr('leg-2'), keyless)).toMatchObject({ status: 404 })
    expect(await ids('call_legs', { native_id: 'leg-2' })).toEqual([])
    expect(await ids('dead_letters', { source_id: 'switch' })).toHaveLength(letters)
    expect(await stores().metrics.registry.getSingleMetricAsString('cdr_push_refused_total')).toMatch(
      /\{tenant="acme",source="switch",code="signature_invalid"\} 2$/m,
    )
    // With a key the source need not know its sender.
    expect((await push('unsigned', cdr('leg-3'))).status).toBe(204)
    expect(await ids('call_legs', { source_id: 'unsigned' })).toHaveLength(1)
  })

  test('where the warehouse does not take it, nobody is told that it is stored, and it can be sent again', async () => {
    const { loader } = stores()
    const load = loader.load.bind(loader)
    const headers = { 'idempotency-key': 'k-broken' }
    loader.load = () => Promise.reject(new Error('gone'))
    try {
      expect((await push('acme/switch?token=the-token', cdr('leg-9'), { key: '' })).status).toBe(500)
      expect((await push('records/calls', JSON.stringify([call('late')]), { headers })).status).toBe(500)
    } finally {
      loader.load = load
    }
    expect((await push('records/calls', JSON.stringify([call('late')]), { headers })).json).toMatchObject({ accepted: 1 })
    expect(await ids('calls', { native_id: 'late' })).toHaveLength(1)
  })
})

interface PushOptions {
  key?: string
  type?: string
  headers?: Record<string, string>
}

async function rowsOf(stores: Stores, table: string, where: object): Promise<Record<string, unknown>[]> {
  const conditions = Object.keys(where).map((name) => `${name} = {${name}:String}`)
  const result = await stores.warehouse.query({
    query: `SELECT * FROM ${table} FINAL WHERE ${['1', ...conditions].join(' AND ')} ORDER BY ALL`,
    query_params: { ...where },
    format: 'JSONEachRow',
  })
  return await result.json<Record<string, unknown>>()
}

/** The least that is a call of one leg. */
function cdr(uuid: string): string {
  const variables = { uuid, direction: 'inbound', start_uepoch: '1772359200000000', end_uepoch: '1772359260000000', hangup_cause: 'NORMAL_CLEARING' }
  return JSON.stringify({ 'core-uuid': 'core', variables, callflow: [{ caller_profile: { uuid, caller_id_number: '1', destination_number: '2' } }] })
}
