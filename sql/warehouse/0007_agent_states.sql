CREATE TABLE IF NOT EXISTS agent_states
(
  tenant_id    LowCardinality(String),
  source_id    LowCardinality(String),
  native_id    String,
  anchor_day   Date,
  version      UInt64,
  observed_at  DateTime64(3, 'UTC'),
  is_deleted   UInt8,
  agent_id     LowCardinality(String),
  state        LowCardinality(String),
  reason       LowCardinality(String),
  queue_id     LowCardinality(String),
  call_id      String,
  started_at   DateTime64(3, 'UTC'),
  ended_at     Nullable(DateTime64(3, 'UTC')),
  last_seen_at Nullable(DateTime64(3, 'UTC')),
  closed_by    LowCardinality(String),
  payload      String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(anchor_day)
ORDER BY (tenant_id, anchor_day, source_id, native_id)
SETTINGS non_replicated_deduplication_window = 10000
