-- builds: fact_numbers
-- meaning: legs over trunks by our own number, in the quarter-hour they started
-- grain: bucket_start, source_id, number, trunk_id, direction, currency
-- from: call_legs
SELECT
  tenant_id,
  toStartOfFifteenMinutes(started_at) AS bucket_start,
  source_id,
  if(direction = 'inbound', to_number, from_number) AS number,
  trunk_id,
  direction,
  currency,
  count() AS seizures,
  countIf(disposition IN ('answered', 'voicemail')) AS answered,
  countIf(disposition = 'busy') AS busy,
  countIf(disposition = 'no_answer') AS no_answer,
  countIf(disposition IN ('failed', 'rejected')) AS failed,
  count(leg.pdd_ms) AS pdd_count,
  count(leg.mos) AS mos_count,
  sum(leg.bill_ms) AS bill_ms,
  sum(ifNull(leg.pdd_ms, 0)) AS pdd_ms,
  sum(toDecimal64(round(toDecimal128(ifNull(leg.mos, 0), 9), 6), 6)) AS mos_sum,
  sum(ifNull(leg.buy_price, 0)) AS buy_price,
  sum(ifNull(leg.sell_price, 0)) AS sell_price
FROM call_legs AS leg FINAL
WHERE (tenant_id, anchor_day) IN {call_legs_anchors:Array(Tuple(String, Date))}
  AND trunk_id != ''
  AND (tenant_id, toDate(started_at)) IN {days:Array(Tuple(String, Date))}
GROUP BY tenant_id, bucket_start, source_id, number, trunk_id, direction, currency
