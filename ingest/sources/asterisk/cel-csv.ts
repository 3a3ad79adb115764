/** One line of cel-custom/Master.csv (the 20 columns of Asterisk's sample cel_custom.conf) as a channel event. */
import type { Refusal } from './assembler.ts'
import { splitCsvLine } from './csv-line.ts'

export interface ChannelEvent {
  kind: string
  at_ms: number
  /** The time as the line has it. */
  stamp: string
  caller_name: string
  caller_number: string
  dialled: string
  exten: string
  context: string
  channel: string
  app: string
  app_data: string
  account: string
  unique_id: string
  linked_id: string
  peer: string
  extra: string
}

const COLUMNS = 20

/** Every event type of Asterisk 12 to 22; the PBX's own text decides, so USER_DEFINED is one kind. */
const kinds = new Set(
  (
    'CHAN_START CHAN_END ANSWER HANGUP APP_START APP_END BRIDGE_ENTER BRIDGE_EXIT PARK_START PARK_END BLINDTRANSFER ATTENDEDTRANSFER ' +
    'USER_DEFINED LINKEDID_END LOCAL_OPTIMIZE LOCAL_OPTIMIZE_BEGIN FORWARD PICKUP STREAM_BEGIN STREAM_END DTMF CONF_ENTER CONF_EXIT ' +
    'CONF_START CONF_END BRIDGE_START BRIDGE_END BRIDGE_UPDATE HOOKFLASH 3WAY_START 3WAY_END TRANSFER'
  ).split(' '),
)

/** The event of a line; times are epoch seconds with microseconds, which is cel.conf's default. */
export function parseCelLine(line: string): ChannelEvent | Refusal {
  const fields = splitCsvLine(line)
  if (fields === undefined) return refusal('field_invalid', 'a quote is not closed, or closes within a field')
  if (fields.length < COLUMNS) return refusal('too_few_fields', `a CEL row has ${COLUMNS} columns, this has ${fields.length}`)
  if (fields.length > COLUMNS) return refusal('field_invalid', `a CEL row has ${COLUMNS} columns, this has ${fields.length}`)
  const [
    kind = '',
    stamp = '',
    caller_name = '',
    caller_number = '',
    ,
    ,
    dnid = '',
    exten = '',
    context = '',
    channel = '',
    app = '',
    app_data = '',
  ] = fields
  const [account = '', unique_id = '', linked_id = '', peer = '', , , extra = ''] = fields.slice(13)
  if (!kinds.has(kind)) return refusal('unknown_event', 'CEL has no event of that name that is known here')
  if (!/^\d{1,11}(\.\d{1,9})?$/.test(stamp)) return refusal('field_invalid', 'the time is not epoch seconds (leave dateformat in cel.conf unset)')
  if (unique_id === '' || linked_id === '') return refusal('identity_missing', 'the row has no unique id or no linked id')
  const at_ms = Math.floor(Math.round(Number(stamp) * 1e6) / 1e3)
  return {
    kind,
    at_ms,
    stamp,
    caller_name,
    caller_number,
    dialled: dnid,
    exten,
    context,
    channel,
    app,
    app_data,
    account,
    unique_id,
    linked_id,
    peer,
    extra,
  }
}

/** The queue an event is about: the first argument of the Queue application. */
export function queueOf(event: ChannelEvent): string {
  return event.app === 'Queue' ? (event.app_data.split(',')[0] ?? '') : ''
}

function refusal(code: Refusal['code'], reason: string): Refusal {
  return { code, reason, entity: 'call_events' }
}
