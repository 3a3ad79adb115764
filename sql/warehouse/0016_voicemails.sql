CREATE TABLE IF NOT EXISTS voicemails
(
  tenant_id         LowCardinality(String),
  source_id         LowCardinality(String),
  native_id         String,
  anchor_day        Date,
  version           UInt64,
  observed_at       DateTime64(3, 'UTC'),
  is_deleted        UInt8,
  call_id           String,
  mailbox           LowCardinality(String),
  queue_id          LowCardinality(String),
  user_id           LowCardinality(String),
  from_number       String,
  left_at           DateTime64(3, 'UTC'),
  duration_ms       UInt32,
  read_at           Nullable(DateTime64(3, 'UTC')),
  folder            LowCardinality(String),
  transcript_status LowCardinality(String),
  payload           String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(anchor_day)
ORDER BY (tenant_id, anchor_day, source_id, native_id)
SETTINGS non_replicated_deduplication_window = 10000
