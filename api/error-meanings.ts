/** What each error code means and what to do about it: the text of docs/errors.md. */
import type { ErrorCode } from '../errors.ts'

export const errorMeanings: Readonly<Record<string, { meaning: string; remedy: string }>> = {
  config_invalid: {
    meaning: 'callhouse.yaml or an environment variable has mistakes.',
    remedy: 'The message lists every mistake with its path; correct them all and start again.',
  },
  config_missing: { meaning: 'No configuration was found.', remedy: 'Write a callhouse.yaml, or run `callhouse demo` to look around without one.' },
  dependency_missing: { meaning: 'An optional package this needs is not installed.', remedy: 'Install the package the message names.' },
  unauthorized: {
    meaning: 'No API key, or one that is wrong, revoked or expired.',
    remedy: 'Send `Authorization: Bearer KEY`. Create a key with `callhouse keys create`.',
  },
  forbidden: {
    meaning: 'The key is good but lacks the scope this needs, or belongs to another tenant.',
    remedy: 'Use a key with the scope the message names.',
  },
  tenant_required: {
    meaning: 'The admin key was used while there are several tenants (or none).',
    remedy: 'Name one in the header `X-Callhouse-Tenant`.',
  },
  tenant_unknown: { meaning: 'There is no tenant of that name.', remedy: 'Check the spelling against callhouse.yaml.' },
  not_found: { meaning: 'There is nothing at this address.', remedy: 'See `/docs` for the routes; check the id.' },
  bad_request: {
    meaning: 'A parameter is missing, unknown or malformed.',
    remedy: '`parameter` in the answer names it; `/docs` says what it takes.',
  },
  range_invalid: { meaning: '`from` and `to` are not a time range.', remedy: 'Use days or times with a zone, `from` before `to`.' },
  zone_unknown: { meaning: '`tz` is not a time zone.', remedy: 'Use an IANA name such as `Europe/Berlin`.' },
  metric_unknown: { meaning: 'There is no metric of that name.', remedy: 'Take one the message suggests, or look in `/v1/metrics`.' },
  dimension_unknown: { meaning: 'There is no dimension of that name.', remedy: 'Take one the message suggests, or look in `/v1/metrics`.' },
  dimension_incompatible: {
    meaning: 'A metric cannot be split by this dimension.',
    remedy: 'Ask for the metrics the message lists, or leave the dimension out.',
  },
  filter_invalid: { meaning: 'A filter cannot be read.', remedy: 'Write `dimension:value`, `dimension:one,other` or `dimension:!value`.' },
  report_unknown: { meaning: 'There is no report of that name.', remedy: 'Look in `/v1/reports`.' },
  entity_unknown: { meaning: 'There is no entity or fact table of that name.', remedy: '`nearest` in the answer lists close names.' },
  cursor_invalid: {
    meaning: 'The page cursor was not written by this API, or for another question.',
    remedy: 'Use `next_cursor` unchanged with the same range, or start without a cursor.',
  },
  query_too_large: {
    meaning: 'The answer would be larger, or take longer, than is allowed.',
    remedy: 'Ask for a coarser grain, a shorter range or fewer dimensions, or for CSV or Arrow.',
  },
  not_acceptable: {
    meaning: 'None of the types in the Accept header can be given.',
    remedy: 'Ask for `application/json`, `text/csv` or `application/vnd.apache.arrow.stream`.',
  },
  rate_limited: { meaning: 'Too many requests from one address.', remedy: 'Wait as long as `Retry-After` says.' },
  source_rejected: { meaning: 'A phone system refused our request.', remedy: 'Check the source’s credentials and permissions.' },
  source_unavailable: {
    meaning: 'A phone system does not answer.',
    remedy: 'Ingest tries again by itself; look at the provider’s status page if it lasts.',
  },
  source_garbled: {
    meaning: 'A phone system answered something that cannot be read.',
    remedy: 'It is tried again; what stays unreadable becomes a dead letter.',
  },
  signature_invalid: {
    meaning: 'A webhook is not signed by the system it claims to come from; nothing of it was kept.',
    remedy: 'Check the signing secret of the source, and the address the system was told to call.',
  },
  body_too_large: { meaning: 'The body is larger than 10 MB.', remedy: 'Send the records in several requests.' },
  ingest_paused: {
    meaning: 'The disk is nearly full, and nothing more is taken in.',
    remedy: 'Nothing of the request was kept: send it again later. `cdr_disk_free_ratio` says how full the disk is.',
  },
  idempotency_busy: {
    meaning: 'A request with this Idempotency-Key is under way.',
    remedy: 'Send it again in a few seconds: the answer will be that of the first.',
  },
  idempotency_mismatch: {
    meaning: 'This Idempotency-Key came with another request within the last day.',
    remedy: 'Make a new key for every request, and keep it only for sending the same one again.',
  },
  warehouse_locked: {
    meaning: 'Another process has the embedded warehouse’s folder open.',
    remedy: 'Stop that process, or use `callhouse warehouse` to share the folder.',
  },
  warehouse_unavailable: { meaning: 'ClickHouse does not answer or is busy.', remedy: 'Try again in a few seconds; check the server if it lasts.' },
  warehouse_newer: { meaning: 'The warehouse was migrated by a newer Callhouse.', remedy: 'Upgrade this process.' },
  migration_changed: {
    meaning: 'A migration that was applied has been edited since.',
    remedy: 'Put the file back as it was and write a new migration.',
  },
  warehouse_query: { meaning: 'ClickHouse failed to answer a query.', remedy: 'The server log has the reason under the request id in `instance`.' },
  control_unavailable: { meaning: 'The control database does not answer.', remedy: 'Check Postgres; the request can be sent again.' },
  control_newer: { meaning: 'The control database was migrated by a newer Callhouse.', remedy: 'Upgrade this process.' },
  control_locked: {
    meaning: 'Another process has the embedded control database’s folder open.',
    remedy: 'Stop that process, or use a Postgres server.',
  },
  process_stopping: {
    meaning: 'The process that did a command’s work stopped before it was done.',
    remedy: 'Run the command again; what was done stays, and is sound.',
  },
  kafka_unavailable: { meaning: 'Kafka does not answer.', remedy: 'Check the brokers; consumption continues where it stopped.' },
  kafka_forbidden: {
    meaning: 'Kafka does not let the source’s user read a topic, or as its group.',
    remedy: 'Grant Read on the group, and Read and Describe on the topics; nothing is lost.',
  },
  checkpoint_invalid: {
    meaning: 'A stored checkpoint is ahead of its source, or was written by a newer Callhouse.',
    remedy: 'Nothing was read past it. The message names the stream and how to begin anew.',
  },
  model_invalid: { meaning: 'A transform model cannot be read.', remedy: 'The message names the file and what is wrong in it.' },
  internal: { meaning: 'A mistake of ours.', remedy: 'Report it with the request id in `instance`; the server log has the details.' },
} satisfies Partial<Record<ErrorCode, { meaning: string; remedy: string }>>
