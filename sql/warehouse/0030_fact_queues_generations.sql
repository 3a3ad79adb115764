CREATE TABLE IF NOT EXISTS fact_queues_generations
(
  tenant_id          LowCardinality(String),
  day                Date,
  generation         UInt64,
  bucket_start       DateTime('UTC'),
  source_id          LowCardinality(String),
  queue_id           LowCardinality(String),
  offered            UInt64,
  waiting            UInt64,
  answered           UInt64,
  abandoned          UInt64,
  timed_out          UInt64,
  key_exits          UInt64,
  voicemails         UInt64,
  callbacks          UInt64,
  diverted           UInt64,
  other_exits        UInt64,
  refused            UInt64,
  transferred        UInt64,
  answered_wait_ms   UInt64,
  abandoned_wait_ms  UInt64,
  wait_ms            UInt64,
  ring_ms            UInt64,
  talk_ms            UInt64,
  hold_ms            UInt64,
  wrap_up_ms         UInt64,
  answered_waits_ms  Array(UInt32),
  abandoned_waits_ms Array(UInt32),
  other_waits_ms     Array(UInt32),
  wait_ms_max        UInt32
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant_id, day, generation, bucket_start, source_id, queue_id)
