-- builds: fact_queues
-- meaning: what became of callers in queues, in the quarter-hour they entered; every wait is kept, so any threshold and percentile is exact
-- grain: bucket_start, source_id, queue_id
-- from: queue_visits
SELECT
  tenant_id,
  toStartOfFifteenMinutes(entered_at) AS bucket_start,
  source_id,
  queue_id,
  countIf(NOT is_refused) AS offered,
  countIf(outcome = 'waiting') AS waiting,
  countIf(outcome = 'answered') AS answered,
  countIf(outcome = 'abandoned') AS abandoned,
  countIf(outcome = 'timeout') AS timed_out,
  countIf(outcome = 'key_exit') AS key_exits,
  countIf(outcome = 'voicemail') AS voicemails,
  countIf(outcome = 'callback') AS callbacks,
  countIf(outcome = 'diverted') AS diverted,
  countIf(outcome IN ('leave_empty', 'error')) AS other_exits,
  countIf(is_refused) AS refused,
  countIf(outcome = 'answered' AND transfer_kind != '') AS transferred,
  sumIf(visit.wait_ms, outcome = 'answered') AS answered_wait_ms,
  sumIf(visit.wait_ms, outcome = 'abandoned') AS abandoned_wait_ms,
  sumIf(visit.wait_ms, is_over) AS wait_ms,
  sum(visit.ring_ms) AS ring_ms,
  sumIf(visit.talk_ms, outcome = 'answered') AS talk_ms,
  sumIf(visit.hold_ms, outcome = 'answered') AS hold_ms,
  sumIf(visit.wrap_up_ms, outcome = 'answered') AS wrap_up_ms,
  arraySort(groupArrayIf(visit.wait_ms, outcome = 'answered')) AS answered_waits_ms,
  arraySort(groupArrayIf(visit.wait_ms, outcome = 'abandoned')) AS abandoned_waits_ms,
  arraySort(groupArrayIf(visit.wait_ms, is_over AND outcome NOT IN ('answered', 'abandoned'))) AS other_waits_ms,
  maxIf(visit.wait_ms, is_over) AS wait_ms_max
FROM
(
  SELECT
    *,
    outcome IN ('join_empty', 'full', 'closed') AS is_refused,
    outcome != 'waiting' AND NOT is_refused AS is_over
  FROM queue_visits FINAL
  WHERE (tenant_id, anchor_day) IN {queue_visits_anchors:Array(Tuple(String, Date))}
    AND (tenant_id, toDate(entered_at)) IN {days:Array(Tuple(String, Date))}
) AS visit
GROUP BY tenant_id, bucket_start, source_id, queue_id
