CREATE TABLE IF NOT EXISTS usage
(
  tenant_id   LowCardinality(String),
  source_id   LowCardinality(String),
  native_id   String,
  anchor_day  Date,
  version     UInt64,
  observed_at DateTime64(3, 'UTC'),
  is_deleted  UInt8,
  account_id  LowCardinality(String),
  category    LowCardinality(String),
  day         Date,
  quantity    Nullable(Float64),
  unit        LowCardinality(String),
  price       Nullable(Decimal(18, 6)),
  currency    LowCardinality(String),
  as_of       DateTime64(3, 'UTC'),
  payload     String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(anchor_day)
ORDER BY (tenant_id, anchor_day, source_id, native_id)
SETTINGS non_replicated_deduplication_window = 10000
