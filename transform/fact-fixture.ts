/** For tests: a warehouse of its own, and fact rows written by hand as a published generation. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrateWarehouse } from '../sql/migrate-warehouse.ts'
import { openWarehouse, type Warehouse } from '../sql/warehouse.ts'
import type { FactName } from './facts.ts'

export interface FactFixture {
  readonly warehouse: Warehouse
  /** Writes rows of one fact under a generation; each needs a bucket_start, its day follows. */
  insert(fact: FactName, tenant_id: string, rows: readonly Record<string, unknown>[], generation?: number): Promise<void>
  /** Publishes a generation for every day that holds rows of it, or for the days named. */
  publish(fact: FactName, tenant_id: string, generation?: number, days?: readonly string[]): Promise<void>
  insertRows(table: string, rows: readonly Record<string, unknown>[]): Promise<void>
  close(): Promise<void>
}

/** Opens and migrates a warehouse in a temporary directory. */
export async function openFactFixture(): Promise<FactFixture> {
  const path = mkdtempSync(join(tmpdir(), 'callhouse-facts-'))
  const warehouse = await openWarehouse({ database: 'callhouse', path })
  await migrateWarehouse(warehouse)
  const insertRows = async (table: string, rows: readonly Record<string, unknown>[]) => {
    if (rows.length > 0) await warehouse.insert({ table, values: [...rows], format: 'JSONEachRow' })
  }
  const daysOf = new Map<string, Set<string>>()
  return {
    warehouse,
    insertRows,
    async insert(fact, tenant_id, rows, generation = 1) {
      const key = `${fact}/${tenant_id}/${generation}`
      const days = daysOf.get(key) ?? new Set()
      daysOf.set(key, days)
      const whole = rows.map((row) => {
        const day = String(row['bucket_start']).slice(0, 10)
        days.add(day)
        return { tenant_id, day, generation, ...row }
      })
      await insertRows(`${fact}_generations`, whole)
    },
    async publish(fact, tenant_id, generation = 1, days = [...(daysOf.get(`${fact}/${tenant_id}/${generation}`) ?? [])]) {
      await insertRows(
        'published_days',
        days.map((day) => ({ fact, tenant_id, day, generation, published_at: '2026-01-01 00:00:00' })),
      )
    },
    async close() {
      await warehouse.close()
      rmSync(path, { recursive: true, force: true })
    },
  }
}
