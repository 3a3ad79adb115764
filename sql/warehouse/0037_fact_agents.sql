CREATE VIEW IF NOT EXISTS fact_agents AS
SELECT * EXCEPT (generation)
FROM fact_agents_generations
WHERE (tenant_id, day, generation) IN (
  SELECT tenant_id, day, max(generation)
  FROM published_days
  WHERE fact = 'fact_agents'
  GROUP BY tenant_id, day
)
