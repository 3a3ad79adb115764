/** A block that is inserted again is there again: only the identity of rows says what is a copy. */
import { expect, test } from 'vitest'
import { onBothModes } from '../modes.suite.ts'
import { EncodedBatch } from './encode-batch.ts'
import { warehouseRecordStore } from './warehouse-record-store.ts'

onBothModes('the record store', (stores) => {
  test('the same block twice is two copies of its rows, and never an insert that is acknowledged and dropped', async () => {
    const { warehouse } = stores()
    const batch = new EncodedBatch({ tenant_id: 'twice', source_id: 's', observed_at: '2026-11-23 00:00:00.000' })
    batch.add({ entity: 'call_events', record: { native_id: 'e1', anchor_at: 0, version: 1, occurred_at: 0, kind: 'note' } })
    const { rows } = batch.tables.get('call_events')!
    // A merge would make one of the two.
    await warehouse.command({ query: 'SYSTEM STOP MERGES call_events' })
    try {
      for (let time = 0; time < 2; time++) await warehouseRecordStore(warehouse).addRows('call_events', { tsv: rows.toBuffer(), rows: rows.rows })
      const result = await warehouse.query({
        query: "SELECT toUInt32(count()) AS n FROM call_events WHERE tenant_id = 'twice'",
        format: 'JSONEachRow',
      })
      expect(await result.json()).toEqual([{ n: 2 }])
    } finally {
      await warehouse.command({ query: 'SYSTEM START MERGES call_events' })
    }
  })
})
