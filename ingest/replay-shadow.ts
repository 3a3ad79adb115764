/**
 * A table beside a core table that holds what today's parser makes of a page of
 * its rows, so that the warehouse itself, with its own types, says what differs.
 */
import type { Warehouse } from '../sql/warehouse.ts'
import type { LoadTarget } from './record-store.ts'
import { entities, type EntityName } from './records/index.ts'
import type { RowBuffer } from './row-buffer.ts'
import { insertRows } from './warehouse-record-store.ts'

export interface Change {
  native_id: string
  /** The names of the columns that differ. */
  fields: string[]
}

/** One entity's shadow; `close()` drops it. A shadow that a crash left behind is dropped by the next. */
export class ReplayShadow {
  readonly #warehouse: Warehouse
  readonly #entity: EntityName
  readonly #table: string

  private constructor(warehouse: Warehouse, entity: EntityName) {
    this.#warehouse = warehouse
    this.#entity = entity
    this.#table = `replay_${entity}`
  }

  static async open(warehouse: Warehouse, entity: EntityName): Promise<ReplayShadow> {
    const shadow = new ReplayShadow(warehouse, entity)
    await shadow.close()
    await warehouse.command({ query: `CREATE TABLE ${shadow.#table} AS ${entity} ENGINE = Memory` })
    return shadow
  }

  /** Which of these rows, all of one day, are not what the core table shows now. */
  async changes(rows: RowBuffer, target: LoadTarget, anchor_day: string): Promise<Change[]> {
    await this.#warehouse.command({ query: `TRUNCATE TABLE ${this.#table}` })
    await insertRows(this.#warehouse, this.#entity, this.#table, { tsv: rows.toBuffer(), rows: rows.rows })
    const columns = ['is_deleted', ...Object.keys(entities[this.#entity].fields)]
    const differing = columns.map((name) => `if(ifNull(s.${name} = c.${name}, isNull(s.${name}) AND isNull(c.${name})), '', '${name}')`)
    const result = await this.#warehouse.query({
      query: `SELECT c.native_id AS native_id, arrayFilter(name -> name != '', [${differing.join(', ')}]) AS fields
        FROM (SELECT * FROM ${this.#entity} FINAL
          WHERE tenant_id = {tenant_id:String} AND anchor_day = {anchor_day:Date} AND source_id = {source_id:String}
            AND native_id IN (SELECT native_id FROM ${this.#table})) AS c
        INNER JOIN ${this.#table} AS s ON s.native_id = c.native_id
        WHERE notEmpty(fields) ORDER BY native_id`,
      query_params: { ...target, anchor_day },
      format: 'JSONEachRow',
    })
    return await result.json<Change>()
  }

  async close(): Promise<void> {
    await this.#warehouse.command({ query: `DROP TABLE IF EXISTS ${this.#table} SYNC` })
  }
}
