CREATE TABLE IF NOT EXISTS queue_visits
(
  tenant_id      LowCardinality(String),
  source_id      LowCardinality(String),
  native_id      String,
  anchor_day     Date,
  version        UInt64,
  observed_at    DateTime64(3, 'UTC'),
  is_deleted     UInt8,
  call_id        String,
  queue_id       LowCardinality(String),
  entry_no       UInt32,
  caller_number  String,
  did_number     String,
  entered_at     DateTime64(3, 'UTC'),
  answered_at    Nullable(DateTime64(3, 'UTC')),
  exited_at      Nullable(DateTime64(3, 'UTC')),
  outcome        LowCardinality(String),
  wait_ms        UInt32,
  ring_ms        UInt32,
  talk_ms        UInt32,
  hold_ms        UInt32,
  wrap_up_ms     UInt32,
  agent_id       LowCardinality(String),
  entry_position Nullable(UInt32),
  exit_position  Nullable(UInt32),
  transfer_kind  LowCardinality(String),
  payload        String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(anchor_day)
ORDER BY (tenant_id, anchor_day, source_id, native_id)
SETTINGS non_replicated_deduplication_window = 10000
