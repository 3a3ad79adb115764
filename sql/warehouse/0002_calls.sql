CREATE TABLE IF NOT EXISTS calls
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
  from_number_raw String,
  to_number       String,
  to_number_raw   String,
  started_at      DateTime64(3, 'UTC'),
  answered_at     Nullable(DateTime64(3, 'UTC')),
  ended_at        Nullable(DateTime64(3, 'UTC')),
  disposition     LowCardinality(String),
  hangup_cause    LowCardinality(String),
  first_queue_id  LowCardinality(String),
  final_agent_id  LowCardinality(String),
  trunk_id        LowCardinality(String),
  leg_count       UInt32,
  transfer_count  UInt32,
  ring_ms         UInt32,
  talk_ms         UInt32,
  hold_ms         UInt32,
  wrap_up_ms      UInt32,
  cost            Nullable(Decimal(18, 6)),
  currency        LowCardinality(String),
  payload         String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(anchor_day)
ORDER BY (tenant_id, anchor_day, source_id, native_id)
SETTINGS non_replicated_deduplication_window = 10000
