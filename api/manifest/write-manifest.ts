/** Streams a manifest: a query per chunk of days, one line in memory at a time. */
import { readFileSync } from 'node:fs'
import { streamBytes } from '../../sql/stream-bytes.ts'
import type { Warehouse } from '../../sql/warehouse.ts'
import { exportSettings, readSettings } from '../read-settings.ts'
import { dayOf } from '../table-query.ts'
import type { TimeRange } from '../time-range.ts'
import { chunksOf, type Chunk } from './chunks.ts'
import { linesOf } from './lines.ts'
import { manifestItem, type ManifestContext, type ManifestRow } from './manifest-row.ts'
import { renderers, type ManifestFormat } from './renderers.ts'
import type { Split } from './split.ts'

const manifestSql = readFileSync(new URL('manifest.sql', import.meta.url), 'utf8')
const daysSql = readFileSync(new URL('recording-days.sql', import.meta.url), 'utf8')
const LATEST_MS = Date.UTC(2149, 0, 1)

export interface ManifestRequest extends ManifestContext {
  tenant_id: string
  range: TimeRange
  now_ms: number
  format: ManifestFormat
  queue_id?: string
  consent_scope?: string
  split?: Split
  abort_signal: AbortSignal
  /** Recordings joined at once. @default 20000 */
  chunk_recordings?: number
}

/** The manifest's bytes, in lines of the format asked for. */
export async function* writeManifest(warehouse: Warehouse, request: ManifestRequest): AsyncGenerator<Buffer> {
  const { line } = renderers[request.format]
  for (const chunk of await findChunks(warehouse, request)) {
    for await (const json of linesOf(await streamChunk(warehouse, request, chunk))) {
      const item = manifestItem(JSON.parse(json) as ManifestRow, request)
      if (request.split === undefined || item.split === request.split) yield Buffer.from(`${line(item)}\n`)
    }
  }
}

async function findChunks(warehouse: Warehouse, { tenant_id, range, abort_signal, chunk_recordings }: ManifestRequest): Promise<Chunk[]> {
  const query_params = { tenant_id, from_day: dayOf(range.from_ms ?? 0), to_day: dayOf(range.to_ms ?? LATEST_MS) }
  const result = await warehouse.query({ query: daysSql, query_params, format: 'JSONEachRow', clickhouse_settings: readSettings, abort_signal })
  return chunksOf(await result.json<{ anchor_day: string; recordings: number }>(), chunk_recordings)
}

async function streamChunk(warehouse: Warehouse, request: ManifestRequest, chunk: Chunk): Promise<AsyncIterable<Buffer>> {
  const { tenant_id, range, now_ms, queue_id = '', consent_scope = '', abort_signal } = request
  return await streamBytes(warehouse, {
    query: manifestSql,
    query_params: { tenant_id, from_ms: range.from_ms ?? 0, to_ms: range.to_ms ?? LATEST_MS, now_ms, queue_id, consent_scope, ...chunk },
    format: 'JSONEachRow',
    clickhouse_settings: { ...exportSettings, output_format_json_quote_64bit_integers: 0 },
    abort_signal,
  })
}
