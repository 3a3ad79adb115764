INSERT INTO queue_visits (tenant_id, source_id, native_id, anchor_day, version, observed_at, is_deleted, call_id, queue_id, entry_no,
  caller_number, entered_at, answered_at, exited_at, outcome, wait_ms, talk_ms, wrap_up_ms, agent_id, payload)
WITH
  toUInt64({tenants:UInt64} * {per_day:UInt64}) AS rows_a_day,
  intDiv(number, rows_a_day) AS day_no,
  number % {per_day:UInt64} AS nth
SELECT
  concat('tenant-', toString(intDiv(number % rows_a_day, {per_day:UInt64}))),
  'bench',
  concat('queue_visits-', toString(day_no), '-', toString(nth)),
  {last_day:Date} - day_no AS stored_on,
  1,
  toDateTime64('2026-11-01 00:00:00', 3, 'UTC'),
  0,
  concat('calls-', toString(day_no), '-', toString(nth)),
  concat('queue-', toString(number % 6)),
  1,
  concat('+4930', leftPad(toString(cityHash64(number) % 10000000), 7, '0')),
  toDateTime64(stored_on, 3, 'UTC') + toIntervalMillisecond(intDiv(nth * 80000000, {per_day:UInt64})) AS came_at,
  if(cityHash64(number, 6) % 8 = 0, NULL, came_at + toIntervalMillisecond(cityHash64(number, 1) % 60000)) AS taken_at,
  came_at + toIntervalMillisecond(60000 + cityHash64(number, 2) % 600000),
  if(taken_at IS NULL, 'abandoned', 'answered'),
  cityHash64(number, 1) % 60000,
  if(taken_at IS NULL, 0, cityHash64(number, 2) % 600000),
  if(taken_at IS NULL, 0, 15000),
  if(taken_at IS NULL, '', concat('agent-', toString(number % 40))),
  concat('{"id":"', toString(cityHash64(number, 3)), '","state":"completed","codec":"opus"}')
FROM numbers({days:UInt64} * {tenants:UInt64} * {per_day:UInt64})
