-- builds: fact_usage
-- meaning: rated usage by day, account and category; categories may overlap and are never summed together here
-- grain: bucket_start, source_id, account_id, category, unit, currency
-- from: usage
SELECT
  tenant_id,
  toDateTime(used.day, 'UTC') AS bucket_start,
  source_id,
  account_id,
  category,
  unit,
  currency,
  sum(ifNull(used.price, 0)) AS price,
  sum(toDecimal64(round(toDecimal128(ifNull(used.quantity, 0), 9), 6), 6)) AS quantity
FROM usage AS used FINAL
WHERE (tenant_id, anchor_day) IN {usage_anchors:Array(Tuple(String, Date))}
  AND (tenant_id, used.day) IN {days:Array(Tuple(String, Date))}
GROUP BY tenant_id, bucket_start, source_id, account_id, category, unit, currency
