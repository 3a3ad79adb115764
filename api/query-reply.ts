/** Answers a metrics request in the format the client chose: rows as objects, or ClickHouse's own bytes. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CallhouseError } from '../errors.ts'
import { streamBytes } from '../sql/stream-bytes.ts'
import type { QueryRequest } from '../transform/compile-query.ts'
import { readCompleteness } from '../transform/completeness.ts'
import { queryAsJson, queryForFormat } from '../transform/run-query.ts'
import type { ApiContext } from './context.ts'
import { chooseFormat, formats, type QueryFormat } from './formats.ts'
import { exportSettings } from './read-settings.ts'
import { afterFirstBytes, clientGone } from './stream-reply.ts'

/** What /v1/query and /v1/reports have in common on the wire. */
export interface QueryParameters {
  from?: string
  to?: string
  tz?: string
  grain?: string
  filter?: string[]
  threshold_ms?: number
  threshold_s?: number
  short_abandon_ms?: number
  order?: string
  limit?: number
  format?: QueryFormat
}

/** How long a query may stream; /v1/export of facts has no limit. */
const STREAM_SECONDS = 120

/** The parameters as the compiler takes them; what is absent stays absent, so a report's own defaults hold. */
export function readParameters(tenant_id: string, query: QueryParameters): Omit<QueryRequest, 'metrics'> {
  const { from, to, tz, grain, filter, short_abandon_ms, order, limit } = query
  if (from === undefined || to === undefined) {
    const parameter = from === undefined ? 'from' : 'to'
    throw new CallhouseError(
      'bad_request',
      `The parameter "${parameter}" is missing. Say from=2026-03-01&to=2026-04-01; "to" is not part of the range.`,
      { details: { parameter } },
    )
  }
  return {
    tenant_id,
    from,
    to,
    ...definedOnly({
      tz,
      grain,
      filters: filter,
      threshold_ms: thresholdMs(query),
      short_abandon_ms,
      order: order === undefined ? undefined : namesOf(order),
      limit,
    }),
  }
}

/** The names in a comma-separated parameter. */
export function namesOf(list: string): string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

/** Runs the request and sends its rows. */
export async function sendQuery(
  { warehouse, coverage }: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  asked: QueryRequest,
  format?: QueryFormat,
): Promise<unknown> {
  const chosen = chooseFormat(format, request.headers.accept)
  void reply.header('vary', 'accept')
  if (chosen === 'json') return await reply.type('application/json; charset=utf-8').send(await queryAsJson(warehouse, asked, coverage))
  const { sql, params, columns, request: read } = queryForFormat(asked)
  const { as_of, complete } = await readCompleteness(warehouse, read, coverage)
  const hasTime = columns.some(({ unit }) => unit === 'time')
  const bytes = await streamBytes(warehouse, {
    // A DateTime becomes a bare number in Arrow; a DateTime64 is a timestamp with its zone.
    query: hasTime && chosen === 'arrow' ? `SELECT * REPLACE (toDateTime64(time, 3, {tz:String}) AS time) FROM (\n${sql}\n)` : sql,
    query_params: { ...params, tz: read.range.tz },
    format: formats[chosen].clickhouse,
    clickhouse_settings: { ...exportSettings, max_execution_time: STREAM_SECONDS, log_comment: request.id },
    abort_signal: clientGone(reply),
  })
  const body = await afterFirstBytes(bytes, request)
  if (as_of !== null) void reply.header('x-callhouse-as-of', as_of)
  return await reply.header('x-callhouse-complete', String(complete)).type(formats[chosen].content_type).send(body)
}

function thresholdMs({ threshold_ms, threshold_s }: QueryParameters): number | undefined {
  if (threshold_ms !== undefined && threshold_s !== undefined)
    throw new CallhouseError('bad_request', 'Say threshold_ms or threshold_s, not both.', { details: { parameter: 'threshold_s' } })
  return threshold_ms ?? (threshold_s === undefined ? undefined : Math.round(threshold_s * 1000))
}

function definedOnly<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T
}
