/**
 * Every error Callhouse raises on purpose: a stable code, an HTTP status and a
 * sentence that says what to do. `docs/errors.md` lists them all.
 */

const catalogue = {
  config_invalid: { status: 500, retryable: false },
  config_missing: { status: 500, retryable: false },
  dependency_missing: { status: 500, retryable: false },
  unauthorized: { status: 401, retryable: false },
  forbidden: { status: 403, retryable: false },
  tenant_required: { status: 400, retryable: false },
  tenant_unknown: { status: 404, retryable: false },
  not_found: { status: 404, retryable: false },
  bad_request: { status: 400, retryable: false },
  range_invalid: { status: 400, retryable: false },
  zone_unknown: { status: 400, retryable: false },
  metric_unknown: { status: 400, retryable: false },
  dimension_unknown: { status: 400, retryable: false },
  dimension_incompatible: { status: 400, retryable: false },
  filter_invalid: { status: 400, retryable: false },
  report_unknown: { status: 404, retryable: false },
  entity_unknown: { status: 404, retryable: false },
  cursor_invalid: { status: 400, retryable: false },
  query_too_large: { status: 422, retryable: false },
  not_acceptable: { status: 406, retryable: false },
  rate_limited: { status: 429, retryable: true },
  source_rejected: { status: 502, retryable: false },
  source_unavailable: { status: 502, retryable: true },
  source_garbled: { status: 502, retryable: true },
  signature_invalid: { status: 403, retryable: false },
  body_too_large: { status: 413, retryable: false },
  ingest_paused: { status: 503, retryable: true },
  idempotency_busy: { status: 409, retryable: true },
  idempotency_mismatch: { status: 422, retryable: false },
  warehouse_locked: { status: 503, retryable: false },
  warehouse_unavailable: { status: 503, retryable: true },
  warehouse_newer: { status: 500, retryable: false },
  migration_changed: { status: 500, retryable: false },
  warehouse_query: { status: 500, retryable: false },
  control_unavailable: { status: 503, retryable: true },
  control_newer: { status: 500, retryable: false },
  control_locked: { status: 503, retryable: false },
  process_stopping: { status: 503, retryable: true },
  kafka_unavailable: { status: 503, retryable: true },
  kafka_forbidden: { status: 502, retryable: false },
  checkpoint_invalid: { status: 500, retryable: false },
  model_invalid: { status: 500, retryable: false },
  internal: { status: 500, retryable: false },
} as const satisfies Record<string, { status: number; retryable: boolean }>

export type ErrorCode = keyof typeof catalogue

/** Whether trying again can help; not for a code that is not ours. */
export function isRetryable(code: string): boolean {
  return Object.hasOwn(catalogue, code) && catalogue[code as ErrorCode].retryable
}

/** All codes, for the documentation and its drift test. */
export const errorCodes = Object.keys(catalogue) as ErrorCode[]

/**
 * An error with a stable `code`, the HTTP `status` it answers with, and whether
 * trying again can help. The message says what happened, where, and what to do.
 *
 * @example throw new CallhouseError('zone_unknown', `No time zone "Mars". Use an IANA name such as Europe/Berlin.`)
 */
export class CallhouseError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly retryable: boolean
  /** Machine-readable extras for the problem+json answer, such as the offending key. */
  readonly details: Record<string, unknown> | undefined

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'CallhouseError'
    this.code = code
    this.status = catalogue[code].status
    this.retryable = catalogue[code].retryable
    this.details = options.details
  }
}

/** The message of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
