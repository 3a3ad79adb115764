/** Every verb that works on the databases and then ends, by its name on the command line. */
import { backfill } from './backfill.ts'
import { keysCreate, keysList, keysRevoke } from './keys.ts'
import { reconcile } from './reconcile.ts'
import { replay } from './replay.ts'
import { migrate, sources } from './sources.ts'
import type { ControlVerb, StoresVerb } from './verb.ts'
import { verify } from './verify.ts'

export const verbs = {
  verify,
  reconcile,
  replay,
  backfill,
  migrate,
  sources,
  'keys create': keysCreate,
  'keys list': keysList,
  'keys revoke': keysRevoke,
} as const

export type VerbName = keyof typeof verbs
export type VerbOptions<Name extends VerbName> = Parameters<(typeof verbs)[Name]['run']>[1]

/** The verb of that name, for options that were made for it. */
export function findVerb(name: string): ControlVerb<object> | StoresVerb<object> | undefined {
  return Object.hasOwn(verbs, name) ? (verbs[name as VerbName] as unknown as ControlVerb<object> | StoresVerb<object>) : undefined
}
