/** What the sources count, beside what the warehouse holds: the outcome of every nightly comparison. */
import type { Api } from '../api.ts'
import type { ApiContext } from '../context.ts'
import { listReconciliations } from '../schemas/reconciliations.ts'

interface Row {
  source_id: string
  entity: string
  day: string
  source_count: string | number
  warehouse_count: string | number
  field: string
  source_sum: number
  warehouse_sum: number
  checked_at: string
}

export function addReconciliations(api: Api, { warehouse }: ApiContext): void {
  api.get('/v1/reconciliations', { schema: listReconciliations, config: { scope: 'read' } }, async (request) => {
    const { from = '1970-01-01', to = '2149-06-06', source } = request.query
    const result = await warehouse.query({
      query: `SELECT source_id, entity, day, source_count, warehouse_count, field, source_sum, warehouse_sum,
          formatDateTime(checked_at, '%Y-%m-%dT%H:%i:%SZ', 'UTC') AS checked_at
        FROM reconciliations FINAL
        WHERE tenant_id = {tenant_id:String} AND day >= {from:Date} AND day < {to:Date} AND ({source:String} = '' OR source_id = {source:String})
        ORDER BY day DESC, source_id, entity LIMIT 10000`,
      query_params: { tenant_id: request.principal.tenant_id, from, to, source: source ?? '' },
      format: 'JSONEachRow',
    })
    const rows = await result.json<Row>()
    return { reconciliations: rows.map((row) => ({ ...row, source_count: Number(row.source_count), warehouse_count: Number(row.warehouse_count) })) }
  })
}
