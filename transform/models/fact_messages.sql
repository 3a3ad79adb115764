-- builds: fact_messages
-- meaning: SMS by status, in the quarter-hour they were created
-- grain: bucket_start, source_id, direction, campaign, currency
-- from: messages
SELECT
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
  WHERE tenant_id = {tenant_id:String}
    AND anchor_day IN {messages_anchor_days:Array(Date)}
    AND toDate(created_at) IN {days:Array(Date)}
) AS message
GROUP BY bucket_start, source_id, direction, campaign, currency
