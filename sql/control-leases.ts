/** Leases in the control plane, by the database's clock, which all processes share. */
import { sql, type RawBuilder } from 'kysely'
import type { Control } from './control.ts'
import type { LeaseStore } from './leases.ts'

/** `now`, in milliseconds since 1970, stands in for the database's clock. */
export function controlLeases(control: Control, now?: () => number): LeaseStore {
  const after = (ms: number): RawBuilder<Date> => {
    const start = now ? sql`${new Date(now())}::timestamptz` : sql`clock_timestamp()`
    return sql<Date>`${start} + ${ms} * interval '1 millisecond'`
  }
  return {
    async take(name, holder, ttl_ms) {
      const expires_at = after(ttl_ms)
      const row = await control.db
        .insertInto('leases')
        .values({ name, holder, fence: 1, expires_at })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet(({ eb, ref }) => ({ holder, fence: eb(ref('leases.fence'), '+', 1), expires_at }))
            .where('leases.expires_at', '<=', after(0)),
        )
        .returning('fence')
        .executeTakeFirst()
      return row?.fence
    },

    async extend({ name, holder, fence }, ms) {
      const { numUpdatedRows } = await control.db
        .updateTable('leases')
        .set({ expires_at: after(ms) })
        .where('name', '=', name)
        .where('holder', '=', holder)
        .where('fence', '=', fence)
        .executeTakeFirst()
      return numUpdatedRows > 0n
    },
  }
}
