CREATE VIEW IF NOT EXISTS fact_calls AS
SELECT * EXCEPT (generation)
FROM fact_calls_generations
WHERE (tenant_id, day, generation) IN (
  SELECT tenant_id, day, max(generation)
  FROM published_days
  WHERE fact = 'fact_calls'
  GROUP BY tenant_id, day
)
