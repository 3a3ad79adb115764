/**
 * Numbers that only go up, over all processes and restarts: a later rebuild of
 * facts outranks an earlier one. They are milliseconds since 1970 where those
 * are ahead, so a control plane that lost its last writes to a power cut, or
 * was restored from a backup, does not hand out numbers that the warehouse has.
 */
import { sql } from 'kysely'
import type { Control } from './control.ts'

/** The next generation: larger than every one handed out before, by anyone. Numbers are left out, never repeated. */
export async function nextGeneration(control: Control, name = 'facts'): Promise<number> {
  const { value } = await control.db
    .insertInto('generations')
    .values({ name, value: sql<number>`(extract(epoch from clock_timestamp()) * 1000)::int8` })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: sql<number>`greatest(generations.value + 1, excluded.value)` }))
    .returning('value')
    .executeTakeFirstOrThrow()
  return value
}

/** The generation handed out last, by anyone. */
export async function latestGeneration(control: Control, name = 'facts'): Promise<number | undefined> {
  const row = await control.db.selectFrom('generations').select('value').where('name', '=', name).executeTakeFirst()
  return row?.value
}
