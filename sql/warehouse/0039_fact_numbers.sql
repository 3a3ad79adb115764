CREATE VIEW IF NOT EXISTS fact_numbers AS
SELECT * EXCEPT (generation)
FROM fact_numbers_generations
WHERE (tenant_id, day, generation) IN (
  SELECT tenant_id, day, max(generation)
  FROM published_days
  WHERE fact = 'fact_numbers'
  GROUP BY tenant_id, day
)
