CREATE VIEW IF NOT EXISTS fact_queues AS
SELECT * EXCEPT (generation)
FROM fact_queues_generations
WHERE (tenant_id, day, generation) IN (
  SELECT tenant_id, day, max(generation)
  FROM published_days
  WHERE fact = 'fact_queues'
  GROUP BY tenant_id, day
)
