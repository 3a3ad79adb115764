/** Every row of an entity or a fact table, as ClickHouse writes it. */
import { appendAudit } from '../../sql/audit.ts'
import { streamBytes } from '../../sql/stream-bytes.ts'
import type { Api } from '../api.ts'
import { askControl } from '../ask-control.ts'
import type { ApiContext } from '../context.ts'
import { formats } from '../formats.ts'
import { exportSettings } from '../read-settings.ts'
import { exportRows } from '../schemas/records.ts'
import { afterFirstBytes, clientGone } from '../stream-reply.ts'
import { tableQuery } from '../table-query.ts'
import { exportTables, findTable, type Table } from '../tables.ts'
import { readRange } from '../time-range.ts'

export function addExport(api: Api, { warehouse, control }: ApiContext): void {
  api.get('/v1/export/:entity', { schema: exportRows, config: { scope: 'read' } }, async (request, reply) => {
    const { actor, tenant_id } = request.principal
    const { from, to, format: name = 'arrow', include } = request.query
    const table = findTable(request.params.entity, exportTables)
    const range = readRange(request.query)
    const format = formats[name]
    // Written before the first row leaves.
    await askControl(
      appendAudit(control, {
        actor,
        tenant_id,
        action: 'export',
        object: table.name,
        detail: { from, to, format: name, include, address: request.ip },
      }),
    )
    const read = tableQuery(table, { tenant_id, range, includePayload: include === 'payload' })
    const bytes = await streamBytes(warehouse, {
      ...read,
      format: format.clickhouse,
      clickhouse_settings: { ...settingsFor(table), log_comment: request.id },
      abort_signal: clientGone(reply),
    })
    const body = await afterFirstBytes(bytes, request)
    return await reply.type(format.content_type).header('content-disposition', `attachment; filename="${table.name}.${format.extension}"`).send(body)
  })
}

/** A record's version does not fit a JavaScript number; a fact's counts do, and sums of strings surprise. */
function settingsFor(table: Table) {
  return { ...exportSettings, output_format_json_quote_64bit_integers: table.kind === 'fact' ? (0 as const) : (1 as const) }
}
