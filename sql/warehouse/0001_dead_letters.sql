CREATE TABLE IF NOT EXISTS dead_letters
(
  tenant_id   LowCardinality(String),
  source_id   LowCardinality(String),
  position    String,
  entity      LowCardinality(String),
  code        LowCardinality(String),
  reason      String,
  received_at DateTime64(3, 'UTC'),
  version     UInt64,
  is_deleted  UInt8,
  payload     String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (tenant_id, source_id, position)
