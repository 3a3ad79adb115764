CREATE TABLE IF NOT EXISTS published_days
(
  fact         LowCardinality(String),
  tenant_id    LowCardinality(String),
  day          Date,
  generation   UInt64,
  published_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(generation)
ORDER BY (fact, tenant_id, day)
