CREATE VIEW IF NOT EXISTS fact_usage AS
SELECT * EXCEPT (generation)
FROM fact_usage_generations
WHERE (tenant_id, day, generation) IN (
  SELECT tenant_id, day, max(generation)
  FROM published_days
  WHERE fact = 'fact_usage'
  GROUP BY tenant_id, day
)
