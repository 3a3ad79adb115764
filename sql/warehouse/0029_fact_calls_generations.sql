CREATE TABLE IF NOT EXISTS fact_calls_generations
(
  tenant_id    LowCardinality(String),
  day          Date,
  generation   UInt64,
  bucket_start DateTime('UTC'),
  source_id    LowCardinality(String),
  direction    LowCardinality(String),
  queue_id     LowCardinality(String),
  trunk_id     LowCardinality(String),
  currency     LowCardinality(String),
  calls        UInt64,
  in_progress  UInt64,
  answered     UInt64,
  abandoned    UInt64,
  no_answer    UInt64,
  busy         UInt64,
  failed       UInt64,
  voicemail    UInt64,
  rejected     UInt64,
  transferred  UInt64,
  ring_ms      UInt64,
  talk_ms      UInt64,
  hold_ms      UInt64,
  wrap_up_ms   UInt64,
  cost         Decimal(38, 6)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant_id, day, generation, bucket_start, source_id, direction, queue_id, trunk_id, currency)
