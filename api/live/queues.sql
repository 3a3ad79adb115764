SELECT
  queue_id,
  countIf(outcome = 'waiting')                                                                                AS waiting,
  maxIf(greatest({now_ms:Int64} - toUnixTimestamp64Milli(entered_at), toInt64(0)), outcome = 'waiting')         AS longest_wait_ms,
  max(observed_at)                                                                                            AS as_of
FROM queue_visits FINAL
WHERE tenant_id = {tenant_id:String}
  -- Sources without creation times store everything under the first day of 1970.
  AND (anchor_day >= {since_day:Date} OR anchor_day = toDate('1970-01-01'))
  AND entered_at >= fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')
GROUP BY queue_id
ORDER BY queue_id
