/** Rows of one entity, a page at a time. */
import type { Api } from '../api.ts'
import type { ApiContext } from '../context.ts'
import { readCursor, writeCursor } from '../cursor.ts'
import { readSettings } from '../read-settings.ts'
import { listRecords } from '../schemas/records.ts'
import { clientGone } from '../stream-reply.ts'
import { tableQuery, type Position } from '../table-query.ts'
import { findTable, recordTables } from '../tables.ts'
import { readRange } from '../time-range.ts'

type Row = Position & Record<string, unknown>

export function addRecords(api: Api, { warehouse }: ApiContext): void {
  api.get('/v1/records/:entity', { schema: listRecords, config: { scope: 'read' } }, async (request, reply) => {
    const { limit = 100, cursor, include } = request.query
    const table = findTable(request.params.entity, recordTables)
    const range = readRange(request.query)
    const after = cursor === undefined ? undefined : readCursor(table.name, range, cursor)
    // One row more than asked tells whether there is a next page.
    const read = tableQuery(table, { tenant_id: request.principal.tenant_id, range, limit: limit + 1, includePayload: include === 'payload', after })
    const result = await warehouse.query({
      ...read,
      format: 'JSONEachRow',
      clickhouse_settings: { ...readSettings, log_comment: request.id },
      abort_signal: clientGone(reply),
    })
    const rows = await result.json<Row>()
    const items = rows.slice(0, limit)
    const last = items.at(-1)
    return { items, next_cursor: last && rows.length > limit ? writeCursor(table.name, range, last) : null }
  })
}
