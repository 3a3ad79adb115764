CREATE TABLE IF NOT EXISTS touched_days
(
  tenant_id  LowCardinality(String),
  entity     LowCardinality(String),
  anchor_day Date,
  mark_id    String,
  is_done    UInt8,
  marked_at  DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(is_done)
ORDER BY (tenant_id, entity, anchor_day, mark_id)
TTL toDateTime(marked_at) + INTERVAL 7 DAY DELETE WHERE is_done = 1
