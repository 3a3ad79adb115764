CREATE TABLE IF NOT EXISTS sentiment
(
  tenant_id    LowCardinality(String),
  source_id    LowCardinality(String),
  native_id    String,
  anchor_day   Date,
  version      UInt64,
  observed_at  DateTime64(3, 'UTC'),
  is_deleted   UInt8,
  recording_id String,
  call_id      String,
  scope        LowCardinality(String),
  speaker      LowCardinality(String),
  turn_seq     Nullable(UInt32),
  label        LowCardinality(String),
  score        Nullable(Float64),
  confidence   Nullable(Float64),
  model        LowCardinality(String),
  created_at   DateTime64(3, 'UTC'),
  payload      String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(anchor_day)
ORDER BY (tenant_id, anchor_day, source_id, native_id)
SETTINGS non_replicated_deduplication_window = 10000
