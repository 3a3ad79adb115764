CREATE TABLE IF NOT EXISTS fact_usage_generations
(
  tenant_id    LowCardinality(String),
  day          Date,
  generation   UInt64,
  bucket_start DateTime('UTC'),
  source_id    LowCardinality(String),
  account_id   LowCardinality(String),
  category     LowCardinality(String),
  unit         LowCardinality(String),
  currency     LowCardinality(String),
  quantity     Decimal(38, 6),
  price        Decimal(38, 6)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant_id, day, generation, bucket_start, source_id, account_id, category, unit, currency)
