CREATE TABLE IF NOT EXISTS fact_agents_generations
(
  tenant_id          LowCardinality(String),
  day                Date,
  generation         UInt64,
  bucket_start       DateTime('UTC'),
  source_id          LowCardinality(String),
  agent_id           LowCardinality(String),
  queue_id           LowCardinality(String),
  handled            UInt64,
  ring_no_answer     UInt64,
  transferred        UInt64,
  handled_talk_ms    UInt64,
  handled_hold_ms    UInt64,
  handled_wrap_up_ms UInt64,
  available_ms       UInt64,
  ringing_ms         UInt64,
  talking_ms         UInt64,
  wrap_up_ms         UInt64,
  paused_ms          UInt64
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant_id, day, generation, bucket_start, source_id, agent_id, queue_id)
