/** One row per pass over a source: how it ended and what it read. */
import { randomUUID } from 'node:crypto'
import { sql, type Selectable } from 'kysely'
import { CallhouseError } from '../errors.ts'
import type { Control } from './control.ts'
import type { RunsTable } from './control-tables.ts'

export type Run = Selectable<RunsTable>
export type RunStatus = 'succeeded' | 'failed' | 'stopped'

/** Records that a pass begins and returns its id. */
export async function startRun(control: Control, run: { tenant_id: string; source_id: string; kind: string }): Promise<string> {
  const id = randomUUID()
  await control.db
    .insertInto('runs')
    .values({ id, ...run, status: 'running' })
    .execute()
  return id
}

/** Records how a pass ended. accepted + rejected = inputs. */
export async function finishRun(
  control: Control,
  id: string,
  result: { status: RunStatus; inputs: number; accepted: number; rejected: number; error?: string | undefined },
): Promise<void> {
  const { status, inputs, accepted, rejected } = result
  const { numUpdatedRows } = await control.db
    .updateTable('runs')
    .set({ status, inputs, accepted, rejected, error: storable(result.error), finished_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) throw new CallhouseError('not_found', `There is no run ${id} to finish.`)
}

/** Runs, newest first. */
export async function listRuns(control: Control, filter: { tenant_id?: string; source_id?: string; limit?: number } = {}): Promise<Run[]> {
  let query = control.db.selectFrom('runs').selectAll()
  if (filter.tenant_id !== undefined) query = query.where('tenant_id', '=', filter.tenant_id)
  if (filter.source_id !== undefined) query = query.where('source_id', '=', filter.source_id)
  return await query
    .orderBy('seq', 'desc')
    .limit(filter.limit ?? 100)
    .execute()
}

/** Postgres text holds no NUL, and an error may quote whatever a source sent; its end is seldom needed. */
function storable(error: string | undefined): string | null {
  return error === undefined ? null : error.replaceAll('\0', '\u2400').slice(0, 10_000)
}
