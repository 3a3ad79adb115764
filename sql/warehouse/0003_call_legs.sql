CREATE TABLE IF NOT EXISTS call_legs
(
  tenant_id     LowCardinality(String),
  source_id     LowCardinality(String),
  native_id     String,
  anchor_day    Date,
  version       UInt64,
  observed_at   DateTime64(3, 'UTC'),
  is_deleted    UInt8,
  call_id       String,
  parent_leg_id String,
  seq           UInt32,
  direction     LowCardinality(String),
  party         LowCardinality(String),
  user_id       LowCardinality(String),
  extension_id  LowCardinality(String),
  trunk_id      LowCardinality(String),
  from_number   String,
  to_number     String,
  started_at    DateTime64(3, 'UTC'),
  answered_at   Nullable(DateTime64(3, 'UTC')),
  ended_at      Nullable(DateTime64(3, 'UTC')),
  disposition   LowCardinality(String),
  hangup_cause  LowCardinality(String),
  sip_code      Nullable(UInt32),
  q850_cause    Nullable(UInt32),
  pdd_ms        Nullable(UInt32),
  bill_ms       UInt32,
  codec         LowCardinality(String),
  jitter_ms     Nullable(Float64),
  loss_pct      Nullable(Float64),
  rtt_ms        Nullable(Float64),
  mos           Nullable(Float64),
  buy_price     Nullable(Decimal(18, 6)),
  sell_price    Nullable(Decimal(18, 6)),
  currency      LowCardinality(String),
  payload       String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(anchor_day)
ORDER BY (tenant_id, anchor_day, source_id, native_id)
SETTINGS non_replicated_deduplication_window = 10000
