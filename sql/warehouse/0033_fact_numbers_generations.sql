CREATE TABLE IF NOT EXISTS fact_numbers_generations
(
  tenant_id    LowCardinality(String),
  day          Date,
  generation   UInt64,
  bucket_start DateTime('UTC'),
  source_id    LowCardinality(String),
  number       String,
  trunk_id     LowCardinality(String),
  direction    LowCardinality(String),
  currency     LowCardinality(String),
  seizures     UInt64,
  answered     UInt64,
  busy         UInt64,
  no_answer    UInt64,
  failed       UInt64,
  pdd_count    UInt64,
  mos_count    UInt64,
  bill_ms      UInt64,
  pdd_ms       UInt64,
  mos_sum      Decimal(38, 6),
  buy_price    Decimal(38, 6),
  sell_price   Decimal(38, 6)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant_id, day, generation, bucket_start, source_id, number, trunk_id, direction, currency)
