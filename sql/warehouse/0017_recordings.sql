CREATE TABLE IF NOT EXISTS recordings
(
  tenant_id       LowCardinality(String),
  source_id       LowCardinality(String),
  native_id       String,
  anchor_day      Date,
  version         UInt64,
  observed_at     DateTime64(3, 'UTC'),
  is_deleted      UInt8,
  call_id         String,
  leg_id          String,
  queue_id        LowCardinality(String),
  agent_id        LowCardinality(String),
  customer_number String,
  started_at      DateTime64(3, 'UTC'),
  duration_ms     UInt32,
  channels        UInt32,
  sample_rate_hz  UInt32,
  codec           LowCardinality(String),
  uri             String,
  bytes           UInt32,
  sha256          String,
  status          LowCardinality(String),
  consent_basis   LowCardinality(String),
  consent_scope   LowCardinality(String),
  is_redacted     Bool,
  delete_at       Nullable(DateTime64(3, 'UTC')),
  payload         String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(anchor_day)
ORDER BY (tenant_id, anchor_day, source_id, native_id)
SETTINGS non_replicated_deduplication_window = 10000
