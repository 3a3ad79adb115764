CREATE TABLE IF NOT EXISTS fact_messages_generations
(
  tenant_id         LowCardinality(String),
  day               Date,
  generation        UInt64,
  bucket_start      DateTime('UTC'),
  source_id         LowCardinality(String),
  direction         LowCardinality(String),
  campaign          LowCardinality(String),
  currency          LowCardinality(String),
  messages          UInt64,
  queued            UInt64,
  sent              UInt64,
  delivered         UInt64,
  undelivered       UInt64,
  failed            UInt64,
  received          UInt64,
  segments          UInt64,
  media             UInt64,
  delivery_ms       UInt64,
  price             Decimal(38, 6),
  delivery_times_ms Array(UInt32)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant_id, day, generation, bucket_start, source_id, direction, campaign, currency)
