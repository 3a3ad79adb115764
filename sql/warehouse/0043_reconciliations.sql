CREATE TABLE IF NOT EXISTS reconciliations
(
  tenant_id       LowCardinality(String),
  source_id       LowCardinality(String),
  entity          LowCardinality(String),
  day             Date,
  source_count    UInt64,
  warehouse_count UInt64,
  field           LowCardinality(String),
  source_sum      Float64,
  warehouse_sum   Float64,
  checked_at      DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(checked_at)
ORDER BY (tenant_id, source_id, entity, day)
