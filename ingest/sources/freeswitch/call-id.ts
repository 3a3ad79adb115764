/** Which call a leg belongs to, told from the leg's own CDR alone: each leg is reported by itself, in any order. */
import type { Cdr } from './cdr.ts'

export interface Place {
  call_id: string
  /** The leg that made this one; empty for the leg that began the call. */
  parent_leg_id: string
}

/**
 * The leg that began a call gives it its id. Every other leg names the one that
 * made it: the originator's uuid, or the queue member's for a call centre's
 * agent. Two legs that were made alone and bridged later name each other; the
 * bridge's originator, or else the lower uuid, is then the call.
 */
export function placeOf(cdr: Cdr, uuid: string): Place {
  const { variable, profiles } = cdr
  const member = variable('cc_side') === 'agent' ? variable('cc_member_session_uuid') : ''
  const originator = [
    member,
    variable('originator'),
    variable('originating_leg_uuid'),
    variable('aleg_uuid'),
    ...profiles.flatMap((profile) => profile.originators),
  ].find((id) => id !== '' && id !== uuid)
  if (originator !== undefined) return { call_id: originator, parent_leg_id: originator }
  const self = { call_id: uuid, parent_leg_id: '' }
  const peer = ['bridge_uuid', 'other_leg_uuid', 'signal_bond', 'last_bridge_to'].map(variable).find((id) => id !== '' && id !== uuid)
  if (peer === undefined || variable('bleg_uuid') !== '' || profiles.some(({ originatees }) => originatees.length > 0)) return self
  const role = variable('last_bridge_role') || variable('bridge_role')
  const follows = role === '' ? cdr.direction === 'outbound' && peer < uuid : role === 'originatee'
  return follows ? { call_id: peer, parent_leg_id: peer } : self
}

/** How many legs the leg that began a call knows of, its own among them. */
export function legCount({ variable, profiles }: Cdr): number {
  const others = new Set(profiles.flatMap((profile) => profile.originatees))
  for (const name of ['bleg_uuid', 'bridge_uuid']) if (variable(name) !== '') others.add(variable(name))
  return 1 + others.size
}
