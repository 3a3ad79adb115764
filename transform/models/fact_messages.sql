-- builds: fact_messages
-- meaning: SMS by status, in the quarter-hour they were created
-- grain: bucket_start, source_id, direction, campaign, currency
-- from: messages
SELECT
  tenant_id,
  toStartOfFifteenMinutes(created_at) AS bucket_start,
  source_id,
  direction,
  campaign,
  currency,
  count() AS messages,
  countIf(status = 'queued') AS queued,
  countIf(status = 'sent') AS sent,
  countIf(status = 'delivered') AS delivered,
  countIf(status = 'undelivered') AS undelivered,
  countIf(status = 'failed') AS failed,
  countIf(status = 'received') AS received,
  sum(message.segments) AS segments,
  sum(message.media_count) AS media,
  sum(taken_ms) AS delivery_ms,
  sum(ifNull(message.price, 0)) AS price,
  arraySort(groupArrayIf(taken_ms, is_timed)) AS delivery_times_ms
FROM
(
  SELECT
    *,
    status = 'delivered' AND delivered_at IS NOT NULL AND delivered_at >= coalesce(sent_at, created_at) AS is_timed,
    if(is_timed, toUInt32(dateDiff('millisecond', coalesce(sent_at, created_at), assumeNotNull(delivered_at))), 0) AS taken_ms
  FROM messages FINAL
  WHERE (tenant_id, anchor_day) IN {messages_anchors:Array(Tuple(String, Date))}
    AND (tenant_id, toDate(created_at)) IN {days:Array(Tuple(String, Date))}
) AS message
GROUP BY tenant_id, bucket_start, source_id, direction, campaign, currency
