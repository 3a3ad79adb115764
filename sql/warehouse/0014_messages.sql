CREATE TABLE IF NOT EXISTS messages
(
  tenant_id       LowCardinality(String),
  source_id       LowCardinality(String),
  native_id       String,
  anchor_day      Date,
  version         UInt64,
  observed_at     DateTime64(3, 'UTC'),
  is_deleted      UInt8,
  direction       LowCardinality(String),
  from_number     String,
  to_number       String,
  conversation_id String,
  campaign        LowCardinality(String),
  user_id         LowCardinality(String),
  created_at      DateTime64(3, 'UTC'),
  sent_at         Nullable(DateTime64(3, 'UTC')),
  delivered_at    Nullable(DateTime64(3, 'UTC')),
  status          LowCardinality(String),
  error_code      LowCardinality(String),
  segments        UInt32,
  media_count     UInt32,
  price           Nullable(Decimal(18, 6)),
  currency        LowCardinality(String),
  payload         String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(anchor_day)
ORDER BY (tenant_id, anchor_day, source_id, native_id)
SETTINGS non_replicated_deduplication_window = 10000
