/** What /v1/metrics, /v1/query and /v1/reports take and give. */
import { Type } from 'typebox'
import { grains } from '../../transform/time-range.ts'
import { answers, oneOf, Problem } from './common.ts'

const Column = Type.Object(
  { name: Type.String(), unit: Type.String(), type: Type.String({ description: 'ClickHouse type' }) },
  { additionalProperties: true },
)

const Rows = Type.Object({
  columns: Type.Array(Column),
  rows: Type.Array(Type.Record(Type.String(), Type.Unknown())),
  as_of: Type.Unknown({ description: 'Everything the sources had up to this time is counted; null when that is not known' }),
  complete: Type.Unknown({ description: 'True when as_of is at or after the end of the range' }),
})

const names = (what: string) => Type.String({ description: `${what}, separated by commas`, maxLength: 4096 })

/** Parameters a report takes too; it brings its own metrics and dimensions. */
const common = {
  from: Type.Optional(Type.String({ description: 'A day or time, read in tz, or a time with its zone; on a quarter of an hour' })),
  to: Type.Optional(Type.String({ description: 'End of the range; not part of it' })),
  tz: Type.Optional(Type.String({ description: 'IANA time zone of days and of the answer', maxLength: 64 })),
  grain: Type.Optional(Type.String({ description: grains.join(', '), maxLength: 16 })),
  filter: Type.Optional(
    Type.Array(Type.String({ maxLength: 65_536 }), {
      description: 'queue:sales,support or queue:!sales; repeat it for more, all must hold',
      maxItems: 20,
    }),
  ),
  threshold_ms: Type.Optional(Type.Integer({ minimum: 0, description: 'T of the service levels (default 20000)' })),
  threshold_s: Type.Optional(Type.Number({ minimum: 0, description: 'The same in seconds' })),
  short_abandon_ms: Type.Optional(Type.Integer({ minimum: 0, description: 'A shorter wait makes an abandon short (default 5000)' })),
  order: Type.Optional(names('Columns, with - in front for descending')),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
  format: Type.Optional(oneOf(['json', 'csv', 'arrow'], { description: 'Goes before the Accept header' })),
}

/** JSON, or ClickHouse's own CSV or Arrow bytes. */
const response: unknown = {
  200: {
    description: 'The rows. CSV and Arrow carry X-Callhouse-As-Of and X-Callhouse-Complete as headers.',
    content: {
      'application/json': { schema: Rows },
      'text/csv': { schema: Type.String() },
      'application/vnd.apache.arrow.stream': { schema: Type.String({ format: 'binary' }) },
    },
  },
  default: { description: 'What went wrong', content: { 'application/problem+json': { schema: Problem } } },
}

export const runMetrics = {
  summary: 'Metrics by dimensions over time',
  description: 'GET /v1/metrics lists the names. At most 100,000 time buckets.',
  tags: ['metrics'],
  querystring: Type.Object({ metrics: names('Metrics'), dimensions: Type.Optional(names('Dimensions')), ...common }, { additionalProperties: false }),
  response,
}

export const runReport = {
  summary: 'A named report',
  description: 'Metrics and dimensions are the report’s; everything else as in /v1/query.',
  tags: ['metrics'],
  params: Type.Object({ name: Type.String() }),
  querystring: Type.Object(common, { additionalProperties: false }),
  response,
}

const nothing = Type.Object({}, { additionalProperties: false })
const Described = Type.Array(Type.Object({ name: Type.String() }, { additionalProperties: true }))

export const listMetrics = {
  summary: 'Every metric and dimension, with its exact definition',
  tags: ['metrics'],
  querystring: nothing,
  response: answers(Type.Object({ metrics: Described, dimensions: Described, grains: Type.Array(Type.String()) })),
}

export const listReports = {
  summary: 'Every report',
  tags: ['metrics'],
  querystring: nothing,
  response: answers(Type.Object({ reports: Described })),
}
