/**
 * How far a source's stream has been read. A checkpoint is any JSON; what comes
 * back is what was given, including "\u0000" and lone surrogates.
 */
import { sql } from 'kysely'
import type { Control } from './control.ts'

export interface CheckpointKey {
  tenant_id: string
  source_id: string
  stream: string
}

/** The checkpoint as it was saved; undefined when there is none. */
export async function loadCheckpoint(control: Control, key: CheckpointKey): Promise<unknown> {
  const row = await control.db
    .selectFrom('checkpoints')
    .select('value')
    .where('tenant_id', '=', key.tenant_id)
    .where('source_id', '=', key.source_id)
    .where('stream', '=', key.stream)
    .executeTakeFirst()
  return row?.value
}

/** Saves a checkpoint over the one before. An undefined value forgets it, so that loading it gives undefined again. */
export async function saveCheckpoint(control: Control, checkpoint: CheckpointKey & { value: unknown }): Promise<void> {
  const { tenant_id, source_id, stream } = checkpoint
  const value = JSON.stringify(checkpoint.value) as string | undefined
  if (value === undefined) {
    await control.db
      .deleteFrom('checkpoints')
      .where('tenant_id', '=', tenant_id)
      .where('source_id', '=', source_id)
      .where('stream', '=', stream)
      .execute()
    return
  }
  await control.db
    .insertInto('checkpoints')
    .values({ tenant_id, source_id, stream, value })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'source_id', 'stream']).doUpdateSet({ value, updated_at: sql<Date>`now()` }))
    .execute()
}

/** The format of a position's JSON; a later one is left alone. */
export const POSITION_FORMAT = 2

/** A range of a numbered log: what is before `next` is loaded, or about to be. */
interface Range {
  stream: string
  from: number
  next: number
  fingerprint: number
}

interface Ranges {
  tenant_id: string
  source_id: string
  positions: readonly Range[]
}

/** What is stored now may be changed by this version, and says that the log is loaded up to `next`. */
const isKnownFormat = sql<boolean>`(checkpoints.value->>'format')::int8 <= ${POSITION_FORMAT}`

/**
 * Notes that ranges are about to be loaded as one batch, all or none, as
 * `pending` of the positions they begin at. A position that stands elsewhere is
 * left alone: somebody else has loaded, or is loading, what is there.
 */
export async function claimPositions(
  control: Control,
  { positions, claim, ...source }: Ranges & { claim: { batch: string; observed_at: string } },
): Promise<void> {
  if (positions.length === 0) return
  const rows = inOrder(positions).map(({ stream, from, next, fingerprint }) => {
    const pending = { next, fingerprint, ...claim, partitions: positions.length }
    return { ...source, stream, value: JSON.stringify({ format: POSITION_FORMAT, next: from, pending }) }
  })
  await control.db
    .insertInto('checkpoints')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['tenant_id', 'source_id', 'stream'])
        .doUpdateSet({
          value: sql<string>`(checkpoints.value::jsonb || jsonb_build_object('format', ${POSITION_FORMAT}::int8, 'pending', excluded.value->'pending'))::json`,
          updated_at: sql<Date>`now()`,
        })
        .where(sql<boolean>`${isKnownFormat} and checkpoints.value->>'next' = excluded.value->>'next'`),
    )
    .execute()
}

/**
 * Saves how far numbered logs have been read, as checkpoints `{ format, next,
 * fingerprint }`, all or none. A position is only ever moved forward: of two
 * processes that have read a partition, the one behind changes nothing. To move
 * one back, forget it with saveCheckpoint.
 */
export async function advancePositions(control: Control, { positions, ...source }: Ranges): Promise<void> {
  if (positions.length === 0) return
  const rows = inOrder(positions).map(({ stream, next, fingerprint }) => {
    return { ...source, stream, value: JSON.stringify({ format: POSITION_FORMAT, next, fingerprint }) }
  })
  await control.db
    .insertInto('checkpoints')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['tenant_id', 'source_id', 'stream'])
        .doUpdateSet({ value: sql<string>`excluded.value`, updated_at: sql<Date>`now()` })
        .where(sql<boolean>`${isKnownFormat} and (checkpoints.value->>'next')::int8 < (excluded.value->>'next')::int8`),
    )
    .execute()
}

/** In one order, so that two processes cannot wait for each other's rows. */
function inOrder(positions: readonly Range[]): Range[] {
  return [...positions].sort((a, b) => (a.stream < b.stream ? -1 : 1))
}
