CREATE TABLE IF NOT EXISTS day_reach
(
  tenant_id  LowCardinality(String),
  entity     LowCardinality(String),
  anchor_day Date,
  day        Date
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant_id, entity, anchor_day, day)
