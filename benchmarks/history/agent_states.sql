INSERT INTO agent_states (tenant_id, source_id, native_id, anchor_day, version, observed_at, is_deleted, agent_id, state, queue_id,
  started_at, ended_at, payload)
WITH
  toUInt64({tenants:UInt64} * {per_day:UInt64}) AS rows_a_day,
  intDiv(number, rows_a_day) AS day_no,
  number % {per_day:UInt64} AS nth
SELECT
  concat('tenant-', toString(intDiv(number % rows_a_day, {per_day:UInt64}))),
  'bench',
  concat('agent_states-', toString(day_no), '-', toString(nth)),
  {last_day:Date} - day_no AS stored_on,
  1,
  toDateTime64('2026-11-01 00:00:00', 3, 'UTC'),
  0,
  concat('agent-', toString(number % 40)),
  ['available', 'ringing', 'talking', 'wrap_up', 'paused'][1 + number % 5],
  concat('queue-', toString(number % 6)),
  toDateTime64(stored_on, 3, 'UTC') + toIntervalMillisecond(intDiv(nth * 80000000, {per_day:UInt64})) AS began_at,
  began_at + toIntervalMillisecond(60000 + cityHash64(number, 2) % 600000),
  concat('{"id":"', toString(cityHash64(number, 3)), '","state":"completed","codec":"opus"}')
FROM numbers({days:UInt64} * {tenants:UInt64} * {per_day:UInt64})
