SELECT state, count() AS agents, max(agent_as_of) AS as_of
FROM (
  -- An agent is in the state that began last, if that is still open.
  SELECT
    agent_id,
    argMax((s.state, isNull(s.ended_at)), (s.started_at, isNull(s.ended_at))) AS latest,
    latest.1           AS state,
    latest.2           AS is_open,
    max(s.observed_at) AS agent_as_of
  FROM agent_states AS s FINAL
  WHERE tenant_id = {tenant_id:String}
    AND (anchor_day >= {since_day:Date} OR anchor_day = toDate('1970-01-01'))
  GROUP BY agent_id
)
WHERE is_open
GROUP BY state
ORDER BY state
