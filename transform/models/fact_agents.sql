-- builds: fact_agents
-- meaning: how agents spent each quarter-hour (states clipped to it), and the queue calls they answered in it
-- grain: bucket_start, source_id, agent_id, queue_id
-- from: agent_states, agent_events, queue_visits
WITH
  900000 AS bucket_ms,
  states AS
  (
    SELECT
      tenant_id,
      source_id,
      agent_id,
      queue_id,
      state,
      toUnixTimestamp64Milli(started_at) AS start_ms,
      -- An open state counts as far as it was last seen, never to the present.
      toUnixTimestamp64Milli(coalesce(ended_at, last_seen_at, started_at)) AS end_ms
    FROM agent_states FINAL
    WHERE (tenant_id, anchor_day) IN {agent_states_anchors:Array(Tuple(String, Date))}
      AND state != 'offline'
      AND end_ms > start_ms
  ),
  clipped AS
  (
    SELECT
      tenant_id,
      toDateTime(bucket * 900, 'UTC') AS bucket_start,
      source_id,
      agent_id,
      queue_id,
      state,
      toUInt64(least(end_ms, (bucket + 1) * bucket_ms) - greatest(start_ms, bucket * bucket_ms)) AS part_ms
    FROM states
    ARRAY JOIN range(intDiv(start_ms, bucket_ms), intDiv(end_ms - 1, bucket_ms) + 1) AS bucket
    WHERE (tenant_id, toDate(bucket_start)) IN {days:Array(Tuple(String, Date))}
  )
SELECT
  tenant_id,
  bucket_start,
  source_id,
  agent_id,
  queue_id,
  sum(part.handled) AS handled,
  sum(part.ring_no_answer) AS ring_no_answer,
  sum(part.transferred) AS transferred,
  sum(part.handled_talk_ms) AS handled_talk_ms,
  sum(part.handled_hold_ms) AS handled_hold_ms,
  sum(part.handled_wrap_up_ms) AS handled_wrap_up_ms,
  sum(part.available_ms) AS available_ms,
  sum(part.ringing_ms) AS ringing_ms,
  sum(part.talking_ms) AS talking_ms,
  sum(part.wrap_up_ms) AS wrap_up_ms,
  sum(part.paused_ms) AS paused_ms
FROM
(
  SELECT
    tenant_id,
    bucket_start,
    source_id,
    agent_id,
    queue_id,
    0 AS handled,
    0 AS ring_no_answer,
    0 AS transferred,
    0 AS handled_talk_ms,
    0 AS handled_hold_ms,
    0 AS handled_wrap_up_ms,
    if(state = 'available', part_ms, 0) AS available_ms,
    if(state = 'ringing', part_ms, 0) AS ringing_ms,
    if(state = 'talking', part_ms, 0) AS talking_ms,
    if(state = 'wrap_up', part_ms, 0) AS wrap_up_ms,
    if(state = 'paused', part_ms, 0) AS paused_ms
  FROM clipped
  UNION ALL
  SELECT
    tenant_id,
    toStartOfFifteenMinutes(assumeNotNull(answered_at)) AS bucket_start,
    source_id,
    agent_id,
    queue_id,
    1 AS handled,
    0 AS ring_no_answer,
    transfer_kind != '' AS transferred,
    -- Named in full: `0 AS wrap_up_ms` below would otherwise stand for the column.
    visit.talk_ms AS handled_talk_ms,
    visit.hold_ms AS handled_hold_ms,
    visit.wrap_up_ms AS handled_wrap_up_ms,
    0 AS available_ms,
    0 AS ringing_ms,
    0 AS talking_ms,
    0 AS wrap_up_ms,
    0 AS paused_ms
  FROM queue_visits AS visit FINAL
  WHERE (tenant_id, anchor_day) IN {queue_visits_anchors:Array(Tuple(String, Date))}
    AND outcome = 'answered'
    AND agent_id != ''
    AND answered_at IS NOT NULL
    AND (tenant_id, toDate(assumeNotNull(answered_at))) IN {days:Array(Tuple(String, Date))}
  UNION ALL
  SELECT
    tenant_id,
    toStartOfFifteenMinutes(occurred_at) AS bucket_start,
    source_id,
    agent_id,
    queue_id,
    0 AS handled,
    1 AS ring_no_answer,
    0 AS transferred,
    0 AS handled_talk_ms,
    0 AS handled_hold_ms,
    0 AS handled_wrap_up_ms,
    0 AS available_ms,
    0 AS ringing_ms,
    0 AS talking_ms,
    0 AS wrap_up_ms,
    0 AS paused_ms
  FROM agent_events FINAL
  WHERE (tenant_id, anchor_day) IN {agent_events_anchors:Array(Tuple(String, Date))}
    AND kind = 'ring_no_answer'
    AND (tenant_id, toDate(occurred_at)) IN {days:Array(Tuple(String, Date))}
) AS part
GROUP BY tenant_id, bucket_start, source_id, agent_id, queue_id
