CREATE TABLE IF NOT EXISTS users
(
  tenant_id    LowCardinality(String),
  source_id    LowCardinality(String),
  native_id    String,
  anchor_day   Date,
  version      UInt64,
  observed_at  DateTime64(3, 'UTC'),
  is_deleted   UInt8,
  user_id      String,
  name         String,
  email        String,
  extension_id LowCardinality(String),
  team         LowCardinality(String),
  is_agent     Bool,
  valid_from   Nullable(DateTime64(3, 'UTC')),
  valid_to     Nullable(DateTime64(3, 'UTC')),
  payload      String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(anchor_day)
ORDER BY (tenant_id, anchor_day, source_id, native_id)
SETTINGS non_replicated_deduplication_window = 10000
