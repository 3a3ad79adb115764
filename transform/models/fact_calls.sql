-- builds: fact_calls
-- meaning: calls by how they ended, in the quarter-hour they started
-- grain: bucket_start, source_id, direction, queue_id, trunk_id, currency
-- from: calls
SELECT
  tenant_id,
  toStartOfFifteenMinutes(started_at) AS bucket_start,
  source_id,
  direction,
  first_queue_id AS queue_id,
  trunk_id,
  currency,
  count() AS calls,
  countIf(disposition = 'in_progress') AS in_progress,
  countIf(disposition = 'answered') AS answered,
  countIf(disposition = 'abandoned') AS abandoned,
  countIf(disposition = 'no_answer') AS no_answer,
  countIf(disposition = 'busy') AS busy,
  countIf(disposition = 'failed') AS failed,
  countIf(disposition = 'voicemail') AS voicemail,
  countIf(disposition = 'rejected') AS rejected,
  countIf(transfer_count > 0) AS transferred,
  sum(calls.ring_ms) AS ring_ms,
  sum(calls.talk_ms) AS talk_ms,
  sum(calls.hold_ms) AS hold_ms,
  sum(calls.wrap_up_ms) AS wrap_up_ms,
  sum(ifNull(calls.cost, 0)) AS cost
FROM calls FINAL
WHERE (tenant_id, anchor_day) IN {calls_anchors:Array(Tuple(String, Date))}
  AND (tenant_id, toDate(started_at)) IN {days:Array(Tuple(String, Date))}
GROUP BY tenant_id, bucket_start, source_id, direction, queue_id, trunk_id, currency
