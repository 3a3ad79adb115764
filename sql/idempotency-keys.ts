/**
 * Requests that are done once, however often they are sent: the first one under
 * a key claims it, and its answer is given to all that follow within a day.
 */
import { createHash } from 'node:crypto'
import { CallhouseError } from '../errors.ts'
import type { Control } from './control.ts'

export interface KeyedRequest {
  tenant_id: string
  /** The sender's own. */
  key: string
  /** What must be the same when the key is: a digest of the whole request. */
  request_hash: string
}

const DAY_MS = 86_400_000
/** Whoever claimed a key as long ago and has no answer was killed; its work may be done again. */
const ABANDONED_MS = 120_000

/**
 * What `work` gives, or gave when the key came first. Throws
 * `idempotency_mismatch` where the key came with another request, and
 * `idempotency_busy` while that one is under way. A failed request leaves no key.
 */
export async function once<T>(
  control: Control,
  request: KeyedRequest,
  work: () => Promise<T>,
  now: () => number = Date.now,
): Promise<{ answer: T; is_repeated: boolean }> {
  const claim = { tenant_id: request.tenant_id, key_hash: createHash('sha256').update(request.key).digest('hex') }
  const claimed_at = new Date(now())
  await control.db
    .deleteFrom('idempotency_keys')
    .where('claimed_at', '<', new Date(now() - DAY_MS))
    .execute()
  const earlier = await claimOrFind(control, { ...claim, request_hash: request.request_hash }, claimed_at)
  if (earlier) return { answer: earlier.answer as T, is_repeated: true }
  const mine = control.db.updateTable('idempotency_keys').where('tenant_id', '=', claim.tenant_id).where('key_hash', '=', claim.key_hash)
  try {
    const answer = await work()
    await mine.set({ answer: JSON.stringify(answer) }).execute()
    return { answer, is_repeated: false }
  } catch (thrown) {
    // Where even this fails the claim is taken over after a while.
    await control.db
      .deleteFrom('idempotency_keys')
      .where('tenant_id', '=', claim.tenant_id)
      .where('key_hash', '=', claim.key_hash)
      .where('claimed_at', '=', claimed_at)
      .execute()
      .catch(() => undefined)
    throw thrown
  }
}

/** The answer that is there, or undefined once the key is ours. */
async function claimOrFind(
  control: Control,
  claim: { tenant_id: string; key_hash: string; request_hash: string },
  claimed_at: Date,
): Promise<{ answer: unknown } | undefined> {
  const { numInsertedOrUpdatedRows: inserted = 0n } = await control.db
    .insertInto('idempotency_keys')
    .values({ ...claim, answer: null, claimed_at })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  if (inserted > 0n) return undefined
  const found = await control.db
    .selectFrom('idempotency_keys')
    .selectAll()
    .where('tenant_id', '=', claim.tenant_id)
    .where('key_hash', '=', claim.key_hash)
    .executeTakeFirst()
  if (found && found.request_hash !== claim.request_hash)
    throw new CallhouseError('idempotency_mismatch', 'This Idempotency-Key was used for another request. Make a new key for every request.')
  if (found && found.answer !== null) return { answer: found.answer }
  if (found && claimed_at.getTime() - found.claimed_at.getTime() > ABANDONED_MS) {
    const { numUpdatedRows } = await control.db
      .updateTable('idempotency_keys')
      .set({ claimed_at })
      .where('tenant_id', '=', claim.tenant_id)
      .where('key_hash', '=', claim.key_hash)
      .where('claimed_at', '=', found.claimed_at)
      .executeTakeFirst()
    if (numUpdatedRows > 0n) return undefined
  }
  throw new CallhouseError('idempotency_busy', 'The request with this Idempotency-Key is under way. Send it again in a few seconds for its answer.')
}
