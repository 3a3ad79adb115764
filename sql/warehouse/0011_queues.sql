CREATE TABLE IF NOT EXISTS queues
(
  tenant_id                  LowCardinality(String),
  source_id                  LowCardinality(String),
  native_id                  String,
  anchor_day                 Date,
  version                    UInt64,
  observed_at                DateTime64(3, 'UTC'),
  is_deleted                 UInt8,
  queue_id                   String,
  name                       String,
  service_level_threshold_ms UInt32,
  short_abandon_threshold_ms UInt32,
  time_zone                  LowCardinality(String),
  valid_from                 Nullable(DateTime64(3, 'UTC')),
  valid_to                   Nullable(DateTime64(3, 'UTC')),
  payload                    String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(anchor_day)
ORDER BY (tenant_id, anchor_day, source_id, native_id)
SETTINGS non_replicated_deduplication_window = 10000
