/** The formats data leaves in, and how a request chooses one. */
import type { DataFormat } from '@clickhouse/client'
import { CallhouseError } from '../errors.ts'

export interface Format {
  /** ClickHouse's name for it. */
  clickhouse: DataFormat | 'ArrowStream'
  content_type: string
  extension: string
}

export const formats = {
  arrow: { clickhouse: 'ArrowStream', content_type: 'application/vnd.apache.arrow.stream', extension: 'arrows' },
  csv: { clickhouse: 'CSVWithNames', content_type: 'text/csv; charset=utf-8', extension: 'csv' },
  jsonl: { clickhouse: 'JSONEachRow', content_type: 'application/jsonl', extension: 'jsonl' },
  parquet: { clickhouse: 'Parquet', content_type: 'application/vnd.apache.parquet', extension: 'parquet' },
} as const satisfies Record<string, Format>

export type QueryFormat = 'json' | 'csv' | 'arrow'

const ACCEPTABLE: readonly [RegExp, QueryFormat][] = [
  [/^application\/(json|\*)$|^\*\/\*$/, 'json'],
  [/^text\/(csv|\*)$/, 'csv'],
  [/^application\/vnd\.apache\.arrow\.stream$/, 'arrow'],
]

/** `format` where it is given, else the first type of the Accept header that we have; throws `not_acceptable`. */
export function chooseFormat(asked: QueryFormat | undefined, accept: string | undefined): QueryFormat {
  if (asked) return asked
  if (!accept) return 'json'
  for (const type of byPreference(accept)) {
    const found = ACCEPTABLE.find(([pattern]) => pattern.test(type))
    if (found) return found[1]
  }
  throw new CallhouseError(
    'not_acceptable',
    'This route answers in application/json, text/csv or application/vnd.apache.arrow.stream. Change the Accept header or say format=json.',
  )
}

function byPreference(accept: string): string[] {
  return accept
    .split(',')
    .map((part) => {
      const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase())
      const quality = parameters.find((parameter) => parameter.startsWith('q='))
      return { type, q: quality ? Number(quality.slice(2)) : 1 }
    })
    .filter(({ q }) => q > 0)
    .sort((a, b) => b.q - a.q)
    .map(({ type }) => type)
}
