/** The vendor's own examples, read where they lie: every record is understood or refused for a reason, every mapped field is checked. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sample } from 'openapi-sampler'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readCallRecord } from './call-records.ts'
import { CallMemory } from './call-memory.ts'
import { readMessage } from './message-records.ts'
import { readInput } from './json-fields.ts'
import { alive, pullInto, startAccount, type Loaded, type TestAccount } from './test-account.ts'
import { readNotification } from './webhooks.ts'

const samples = join(import.meta.dirname, '../../../../shared/samples/ringcentral')
const read = (path: string): string => readFileSync(join(samples, path), 'utf8')
/** Examples leave lines out, and say so with three dots; and some end a list with a comma. */
const whole = (text: string): string => text.replace(/(^|[}\]],)\s*\.\.\.,?\s*$/gm, '$1').replace(/,(\s*[\]}])/g, '$1')
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Sample = any
const parsed = (path: string): Sample => JSON.parse(whole(read(path)))
const seconds = (value: number): number => Math.round(value * 1000)

beforeEach((context) => {
  if (!existsSync(samples)) context.skip('the samples of other projects are not beside the repository')
})

const callOf = (item: Sample): Sample => {
  const text = JSON.stringify(item)
  const { part, records } = readCallRecord(item, text, 'USD')
  return Object.fromEntries(
    [...new CallMemory().join(part, text, 'USD'), ...records].map(({ entity, record }) => [`${entity}/${record.native_id}`, record]),
  )
}

describe('call log', () => {
  test('the simple example, whose record is its only leg', () => {
    const item = parsed('code-samples/voice/call-log-sample.json')
    const records = callOf(item)
    const started_ms = Date.parse(item.startTime)
    expect(Object.keys(records)).toEqual([
      `calls/${item.sessionId}`,
      ...['call_legs', 'call_segments'].map((name) => `${name}/${item.id}/0`),
      `recordings/${item.recording.id}`,
    ])
    expect(records[`calls/${item.sessionId}`]).toMatchObject({
      anchor_at: started_ms,
      version: started_ms + seconds(item.duration),
      direction: 'inbound',
      from_number: item.from.phoneNumber,
      from_number_raw: item.from.phoneNumber,
      to_number: item.to.phoneNumber,
      to_number_raw: item.to.phoneNumber,
      started_at: started_ms,
      answered_at: started_ms,
      ended_at: started_ms + seconds(item.duration),
      disposition: 'answered',
      hangup_cause: item.result,
      leg_count: 1,
      transfer_count: 0,
      ring_ms: 0,
      talk_ms: seconds(item.duration),
      cost: null,
      payload: JSON.stringify(item),
    })
    expect(records[`call_legs/${item.id}/0`]).toMatchObject({
      call_id: item.sessionId,
      seq: 0,
      direction: 'inbound',
      from_number: item.from.phoneNumber,
      to_number: item.to.phoneNumber,
      started_at: started_ms,
      answered_at: started_ms,
      ended_at: started_ms + seconds(item.duration),
      disposition: 'answered',
      bill_ms: seconds(item.duration),
      buy_price: null,
    })
    expect(records[`call_segments/${item.id}/0`]).toMatchObject({
      call_id: item.sessionId,
      leg_id: `${item.id}/0`,
      kind: 'talk',
      started_at: started_ms,
    })
    expect(records[`recordings/${item.recording.id}`]).toMatchObject({
      call_id: item.sessionId,
      started_at: started_ms,
      duration_ms: seconds(item.duration),
      uri: item.recording.contentUri,
      status: 'completed',
    })
  })

  test('the detailed example of the guide: three legs, the last of which was taken', () => {
    const blocks = [...read('docs/voice/call-log/api.md').matchAll(/```json\n([\s\S]*?)```/g)].map(([, block]) => block!)
    const [simple, detailed] = blocks.map((block) => JSON.parse(block.replace(/\/\/ .*$/gm, '').replace(/: EXTENSION_ID/g, ': 105')))
    expect(callOf(simple)[`calls/${simple.telephonySessionId}`]).toMatchObject({ talk_ms: seconds(simple.duration) })
    const records = callOf(detailed)
    const started_ms = Date.parse(detailed.startTime)
    const taken_ms = Date.parse(detailed.legs[2].startTime)
    expect(records[`calls/${detailed.telephonySessionId}`]).toMatchObject({
      version: Date.parse(detailed.lastModifiedTime),
      started_at: started_ms,
      answered_at: taken_ms,
      ended_at: started_ms + seconds(detailed.duration),
      leg_count: 3,
      ring_ms: taken_ms - started_ms,
      talk_ms: seconds(detailed.legs[2].duration),
      final_agent_id: '105',
      from_number: detailed.from.phoneNumber,
    })
    expect(records[`call_legs/${detailed.id}/2`]).toMatchObject({
      parent_leg_id: `${detailed.id}/0`,
      user_id: '105',
      extension_id: '105',
      direction: 'outbound',
      bill_ms: seconds(detailed.legs[2].duration),
    })
  })

  test('every result the API documents for a call is understood; those of faxes are refused with a reason', () => {
    const record = parsed('specs/ringcentral_openapi3.json').components.schemas.CompanyCallLogRecord.properties
    const base = { ...parsed('code-samples/voice/call-log-sample.json') }
    const refused = (record.result.enum as string[]).filter(
      (result) => 'reject' in readInput('calls', '', () => readCallRecord({ ...base, result }, '', undefined)),
    )
    expect(refused).toEqual((record.result.enum as string[]).filter((result) => /fax|receive|sent|send error/i.test(result)))
    for (const legType of record.legs.items.properties.legType.enum as string[]) {
      const legs = [{ ...base, legType, extension: { id: 7 } }]
      expect(Object.keys(callOf({ ...base, legs })), legType).toContain(`call_segments/${base.id}/0`)
    }
    expect(readInput('calls', '{}', () => readCallRecord({ ...base, type: 'Fax' }, '{}', undefined))).toMatchObject({
      reject: { code: 'unknown_entity' },
    })
  })
})

test('messages: what the API documents for each type and status', () => {
  const spec = parsed('specs/ringcentral_openapi3.json')
  const schema = spec.components.schemas.GetMessageInfoResponse
  const base = sample(schema, {}, spec) as Sample
  for (const type of schema.properties.type.enum as string[])
    for (const messageStatus of schema.properties.messageStatus.enum as string[])
      for (const availability of schema.properties.availability.enum as string[]) {
        const item = { ...base, type, messageStatus, availability }
        const done = readInput('messages', '{}', () => readMessage(item, '{}'))
        if (type === 'Fax') expect(done).toMatchObject({ reject: { code: 'unknown_entity', reason: 'type is Fax: no entity holds a fax' } })
        else
          expect(done).toMatchObject({
            records: [
              {
                entity: type === 'VoiceMail' ? 'voicemails' : 'messages',
                record: availability === 'Alive' ? { version: Date.parse(base.lastModifiedTime) } : { is_deleted: true },
              },
            ],
          })
      }
  const at_ms = Date.parse(base.creationTime)
  expect(readMessage({ ...base, type: 'SMS' }, '{}').records[0]!.record).toMatchObject({
    native_id: String(base.id),
    anchor_at: at_ms,
    version: Date.parse(base.lastModifiedTime),
    direction: 'inbound',
    from_number: base.from.phoneNumber,
    to_number: base.to[0].phoneNumber,
    conversation_id: String(base.conversationId),
    user_id: base.extensionId,
    created_at: at_ms,
    delivered_at: Date.parse(base.smsDeliveryTime),
    status: 'queued',
    error_code: base.deliveryErrorCode,
    media_count: 0,
  })
  expect(readMessage({ ...base, type: 'VoiceMail' }, '{}').records[0]!.record).toMatchObject({
    mailbox: base.extensionId,
    user_id: base.extensionId,
    from_number: base.from.phoneNumber,
    left_at: at_ms,
    duration_ms: seconds(base.attachments[0].vmDuration),
    read_at: Date.parse(base.lastModifiedTime),
    transcript_status: base.vmTranscriptionStatus,
  })
})

describe('notifications', () => {
  const notify = (path: string) => readNotification(Buffer.from(whole(read(path))))

  test('a telephony session, as it is wrapped for a phone', () => {
    const { body } = parsed('code-samples/events/account-telephony-sessions.json').pn_apns
    const [party] = body.parties
    const { records, rejects } = notify('code-samples/events/account-telephony-sessions.json')
    expect(rejects).toEqual([])
    expect(records).toMatchObject([
      {
        entity: 'call_events',
        record: {
          native_id: `${body.telephonySessionId}/${String(body.sequence).padStart(10, '0')}/${party.id}`,
          anchor_at: Date.parse(body.eventTime),
          version: Date.parse(body.eventTime),
          call_id: body.telephonySessionId,
          leg_id: party.id,
          occurred_at: Date.parse(body.eventTime),
          kind: party.status.code,
          agent_id: party.extensionId,
          payload: JSON.stringify(party),
        },
      },
    ])
  })

  test.each(['ace/ace-pbx-sample-data.json', 'ace/ace-rcx-sample-data.json'])('insights of a recording: %s', (file) => {
    const path = `code-samples/ai/${file}`
    const item = parsed(path)
    const body = item.body ?? item
    const turns: Sample[] = body.insights.Transcript
    const { inputs, records, rejects } = notify(path)
    expect([inputs, rejects, records.length]).toEqual([1, [], turns.length + 2])
    const ours = body.speakerInfo.find((speaker: Sample) => speaker.extensionId).speakerId
    const id = `ringsense/${body.sourceRecordId}`
    const common = { anchor_at: Date.parse(body.creationTime), version: Date.parse(body.lastModifiedTime) }
    for (const [seq, turn] of turns.entries())
      expect(records[seq]).toMatchObject({
        entity: 'transcript_turns',
        record: {
          ...common,
          transcript_id: id,
          recording_id: body.sourceRecordId,
          seq,
          speaker: turn.speakerId === ours ? 'agent' : 'customer',
          start_ms: seconds(turn.start),
          end_ms: seconds(turn.end),
          text: turn.text,
        },
      })
    const known = { recording_id: body.sourceRecordId, call_id: body.sourceSessionId, created_at: Date.parse(body.creationTime) }
    expect(records.at(-2)).toMatchObject({
      entity: 'transcripts',
      record: { ...common, ...known, native_id: id, engine: 'ringsense', text: turns.map(({ text }) => text).join('\n') },
    })
    const label = body.insights.Sentiment[0].value.toLowerCase()
    expect(records.at(-1)).toMatchObject({
      entity: 'sentiment',
      record: { ...common, ...known, native_id: id, scope: 'call', label, model: 'ringsense' },
    })
  })

  test('every file of the samples is one input: understood, or refused for a reason', () => {
    const files = (readdirSync(join(samples, 'code-samples'), { recursive: true }) as string[]).filter((path) => path.endsWith('.json'))
    expect(files.length).toBeGreaterThan(8)
    const codes = files.map((path) => {
      const raw = readNotification(readFileSync(join(samples, 'code-samples', path)))
      const cut = readNotification(Buffer.from(whole(read(join('code-samples', path)))))
      for (const { inputs, rejects, records } of [raw, cut]) {
        expect(inputs).toBe(1)
        expect(rejects.length === 1 || records.length > 0, path).toBe(true)
        for (const { reason } of rejects) expect(reason).not.toBe('')
      }
      return [path, raw.rejects[0]?.code, cut.rejects[0]?.code]
    })
    expect(codes.toSorted()).toEqual([
      ['ai/ace/ace-pbx-sample-data.json', 'not_json', undefined],
      ['ai/ace/ace-rcx-sample-data.json', 'not_json', undefined],
      ['ai/emotion-detection-response.json', 'unknown_event', 'unknown_event'],
      ['ai/interactions-response.json', 'not_json', 'unmatched'],
      ['ai/transcribe-response.json', 'not_json', 'unmatched'],
      ['analytics/aggregate-request-body.json', 'unknown_event', 'unknown_event'],
      ['analytics/timeline-request-body.json', 'unknown_event', 'unknown_event'],
      ['events/account-telephony-sessions.json', undefined, undefined],
      // No notification: it is a page of the call log, above.
      ['voice/call-log-sample.json', 'unknown_event', 'unknown_event'],
    ])
  })

  test('a presence event as the API describes it', () => {
    const spec = parsed('specs/ringcentral_openapi3.json')
    const event = sample(spec.components.schemas.AccountPresenceEvent, {}, spec) as Sample
    const sent = {
      ...event,
      event: '/restapi/v1.0/account/1/presence',
      timestamp: '2026-02-20T12:00:00.000Z',
      body: { ...event.body, extensionId: '7' },
    }
    expect(readNotification(Buffer.from(JSON.stringify(sent))).records).toMatchObject([
      { record: { user_id: '7', availability: event.body.presenceStatus, telephony: event.body.telephonyStatus, is_dnd: false } },
    ])
  })
})

describe('a server made of the vendor’s own API description', () => {
  let account: TestAccount
  beforeEach(async () => void (account = await startAccount()))
  afterEach(() => account.server.stop())

  test('a pull from it', async () => {
    const spec = parsed('specs/ringcentral_openapi3.json')
    const answer = (name: string): Sample => sample(spec.components.schemas[name], {}, spec)
    const calls = answer('AccountCallLogSyncResponse')
    calls.records[0].deleted = false
    const { from, to } = calls.records[0]
    const extensions = { ...answer('GetExtensionListResponse'), navigation: {} }
    const messages = answer('GetMessageSyncResponse')
    messages.records[0].type = 'SMS'
    Object.assign(messages.syncInfo, { olderRecordsExist: false, syncTime: '2026-02-20T12:00:00Z' })
    Object.assign(calls.syncInfo, { syncTime: '2026-02-20T12:00:00Z', newerRecordsExist: false })
    account.server.fault = ({ path }) => {
      const body = path.endsWith('extract-sync')
        ? calls
        : path.endsWith('message-sync')
          ? messages
          : path.endsWith('/extension')
            ? extensions
            : answer('GetAccountInfoResponse')
      return { status: 200, body: JSON.stringify(body) }
    }
    const loaded: Loaded = new Map()
    const batches = await pullInto(loaded, account.source(), account.context)
    expect(batches.flatMap(({ rejects }) => rejects)).toEqual([])
    expect([...loaded.keys()].map((key) => key.split('/')[0]).toSorted()).toEqual(
      ['call_legs', 'call_segments', 'calls', 'extensions', 'messages', 'recordings', 'users'].toSorted(),
    )
    expect(alive(loaded, 'calls/string')).toMatchObject({
      direction: 'internal',
      from_number_raw: from.phoneNumber,
      to_number_raw: to.phoneNumber,
      disposition: 'failed',
    })
    expect(alive(loaded, 'users/0')).toMatchObject({ name: 'string', email: 'string', team: 'string', extension_id: '0' })
    expect(alive(loaded, 'extensions/0')).toMatchObject({ number: 'string', kind: 'User' })
  })
})
