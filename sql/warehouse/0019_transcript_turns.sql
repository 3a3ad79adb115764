CREATE TABLE IF NOT EXISTS transcript_turns
(
  tenant_id     LowCardinality(String),
  source_id     LowCardinality(String),
  native_id     String,
  anchor_day    Date,
  version       UInt64,
  observed_at   DateTime64(3, 'UTC'),
  is_deleted    UInt8,
  transcript_id String,
  recording_id  String,
  seq           UInt32,
  speaker       LowCardinality(String),
  channel       UInt32,
  start_ms      UInt32,
  end_ms        UInt32,
  text          String,
  confidence    Nullable(Float64),
  payload       String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(anchor_day)
ORDER BY (tenant_id, anchor_day, source_id, native_id)
SETTINGS non_replicated_deduplication_window = 10000
