/** What RingCentral's words for the result of a call, or of one of its legs, mean. */
import type { Call } from '../../records/calls.ts'
import { InputFault } from './json-fields.ts'

type Disposition = Call['disposition']

const results: Readonly<Record<string, Disposition>> = {
  'In Progress': 'in_progress',
  Accepted: 'answered',
  'Call connected': 'answered',
  Voicemail: 'voicemail',
  Abandoned: 'abandoned',
  Missed: 'no_answer',
  'No Answer': 'no_answer',
  Reply: 'no_answer',
  'Answered Not Accepted': 'no_answer',
  Stopped: 'no_answer',
  Busy: 'busy',
  Rejected: 'rejected',
  Declined: 'rejected',
  Blocked: 'rejected',
  'Suspended account': 'failed',
  'Call Failed': 'failed',
  'Call Failure': 'failed',
  'Internal Error': 'failed',
  'IP Phone Offline': 'failed',
  'No Calling Credit': 'failed',
  'Not Allowed': 'failed',
  'Restricted Number': 'failed',
  'Wrong Number': 'failed',
  'International Disabled': 'failed',
  'International Restricted': 'failed',
  Unknown: 'failed',
}

/** How a call or a leg ended. A caller who hangs up has abandoned; one of ours who does got no answer. */
export function dispositionOf(result: unknown, is_inbound: boolean): Disposition {
  if (result === 'Hang Up') return is_inbound ? 'abandoned' : 'no_answer'
  const disposition = typeof result === 'string' && Object.hasOwn(results, result) ? results[result] : undefined
  if (disposition === undefined) throw new InputFault('field_invalid', 'result is not one that RingCentral documents for calls')
  return disposition
}

const parked = new Set(['CallPark', 'ParkLocation'])

/** What a leg's time was spent with. */
export function segmentKindOf(leg_type: string | undefined, disposition: Disposition): 'park' | 'voicemail' | 'talk' | 'ring' {
  if (leg_type !== undefined && parked.has(leg_type)) return 'park'
  if (disposition === 'voicemail') return 'voicemail'
  return disposition === 'answered' ? 'talk' : 'ring'
}

/** A leg by which a call was handed on. */
export function isTransfer(leg_type: string | undefined, action: string | undefined): boolean {
  return leg_type === 'TransferCall' || action === 'Transfer'
}
