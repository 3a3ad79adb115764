/** For tests: hand-written CDRs in mod_json_cdr's format, and the encodings it sends them in. */

export const A = '5f0d1a5e-0000-4000-8000-00000000000a'
export const B = '5f0d1a5e-0000-4000-8000-00000000000b'
/** 2026-03-01T09:00:00.250Z */
export const STARTED_MS = 1_772_355_600_250

type Variables = Record<string, string>

/** What encode-values does to a value: what is not safe in a URL, and no %XX that is there already. */
export function percentEncoded(text: string): string {
  return text.replaceAll(/%(?![0-9A-F]{2})|[^\x20-\x7e]|[\r\n "#&+:;<>?@[\\\]^`{|}]/gu, (sign) =>
    [...Buffer.from(sign)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}

export function encodedValues(variables: Variables): Variables {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, percentEncoded(value)]))
}

/** A caller from a trunk who waits in a queue, is answered by an agent, and is put on hold once. */
export const memberVariables: Variables = {
  uuid: A,
  direction: 'inbound',
  sip_from_user: '+4930111222',
  sip_from_display: 'Zoë "Z" 李',
  sip_full_from: '"Zoë" <sip:+4930111222@carrier.example>;tag=1c\\2',
  sip_req_user: '4930555000',
  sip_gateway_name: 'carrier-1',
  start_epoch: '1772355600',
  start_uepoch: '1772355600250999',
  progress_uepoch: '0',
  progress_media_uepoch: '1772355600450000',
  answer_epoch: '1772355601',
  answer_uepoch: '1772355601250000',
  bridge_uepoch: '1772355621250000',
  end_epoch: '1772355661',
  end_uepoch: '1772355661750000',
  hold_accum_ms: '5000',
  duration: '61',
  billsec: '60',
  billmsec: '60500',
  hangup_cause: 'NORMAL_CLEARING',
  hangup_cause_q850: '16',
  sip_term_status: '200',
  read_codec: 'PCMA',
  bridge_uuid: B,
  last_bridge_role: 'originator',
  cc_side: 'member',
  cc_queue: 'support@default',
  cc_agent: '1001@pbx.example',
  cc_queue_joined_epoch: '1772355602',
  cc_queue_answered_epoch: '1772355621',
  cc_queue_terminated_epoch: '1772355661',
  cc_cause: 'answered',
}

/** The agent's phone that answered the member. */
export const agentVariables: Variables = {
  uuid: B,
  direction: 'outbound',
  cc_side: 'agent',
  cc_queue: 'support@default',
  cc_agent: '1001@pbx.example',
  cc_member_session_uuid: A,
  dialed_user: '1001',
  start_uepoch: '1772355612000000',
  progress_uepoch: '1772355612300000',
  answer_uepoch: '1772355621100000',
  end_uepoch: '1772355661700000',
  billmsec: '40600',
  hangup_cause: 'NORMAL_CLEARING',
  hangup_cause_q850: '16',
  read_codec: 'opus',
}

export const goodAudio = { jitter_min_variance: 0.5, jitter_max_variance: 6.25, jitter_loss_rate: 0.75, quality_percentage: 98, mos: 4.42 }

export interface CdrParts {
  variables: Variables
  audio?: Record<string, unknown>
  profile?: Record<string, unknown>
  /** More steps of the call flow, newest first. */
  later?: unknown[]
}

/** A CDR's object as the module writes it. */
export function cdr({ variables, audio, profile = {}, later = [] }: CdrParts): Record<string, unknown> {
  return {
    'core-uuid': 'c0ffee00-0000-4000-8000-000000000000',
    switchname: 'pbx-1',
    channel_data: { state: 'CS_REPORTING', direction: variables['direction'], state_number: '11' },
    ...(audio && { callStats: { audio: { inbound: audio, outbound: { packet_count: 100 } } } }),
    variables,
    callflow: [
      ...later,
      {
        dialplan: 'XML',
        profile_index: '1',
        caller_profile: { caller_id_number: '+4930111222', destination_number: '4930555000', uuid: variables['uuid'], ...profile },
        times: { created_time: variables['start_uepoch'], transfer_time: '0' },
      },
    ],
  }
}

export const memberCdr = JSON.stringify(cdr({ variables: encodedValues(memberVariables), audio: goodAudio }))
export const agentCdr = JSON.stringify(
  cdr({ variables: encodedValues(agentVariables), profile: { caller_id_number: '+4930111222', destination_number: '1001' } }),
)

/** `encode` = true: what the module's own encoder makes of the text. */
export function asForm(json: string): string {
  return `cdr=${percentEncoded(json)}`
}

export function asBase64(json: string): string {
  return `cdr=${Buffer.from(json).toString('base64')}`
}
