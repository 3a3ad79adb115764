CREATE TABLE IF NOT EXISTS published_coverage
(
  tenant_id    LowCardinality(String),
  source_id    LowCardinality(String),
  entity       LowCardinality(String),
  covered_from DateTime64(3, 'UTC'),
  covered_to   DateTime64(3, 'UTC'),
  version      UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant_id, source_id, entity, covered_from)
