CREATE VIEW IF NOT EXISTS fact_messages AS
SELECT * EXCEPT (generation)
FROM fact_messages_generations
WHERE (tenant_id, day, generation) IN (
  SELECT tenant_id, day, max(generation)
  FROM published_days
  WHERE fact = 'fact_messages'
  GROUP BY tenant_id, day
)
