INSERT INTO calls (tenant_id, source_id, native_id, anchor_day, version, observed_at, is_deleted, direction, from_number, to_number,
  started_at, answered_at, ended_at, disposition, first_queue_id, final_agent_id, trunk_id, leg_count, ring_ms, talk_ms, cost, currency, payload)
WITH
  toUInt64({tenants:UInt64} * {per_day:UInt64}) AS rows_a_day,
  intDiv(number, rows_a_day) AS day_no,
  number % {per_day:UInt64} AS nth
SELECT
  concat('tenant-', toString(intDiv(number % rows_a_day, {per_day:UInt64}))),
  'bench',
  concat('calls-', toString(day_no), '-', toString(nth)),
  {last_day:Date} - day_no AS stored_on,
  1,
  toDateTime64('2026-11-01 00:00:00', 3, 'UTC'),
  0,
  'inbound',
  concat('+4930', leftPad(toString(cityHash64(number) % 10000000), 7, '0')),
  concat('+49305550', leftPad(toString(number % 100), 3, '0')),
  toDateTime64(stored_on, 3, 'UTC') + toIntervalMillisecond(intDiv(nth * 80000000, {per_day:UInt64})) AS began_at,
  began_at + toIntervalMillisecond(cityHash64(number, 1) % 60000),
  began_at + toIntervalMillisecond(60000 + cityHash64(number, 2) % 600000),
  'answered',
  concat('queue-', toString(number % 6)),
  concat('agent-', toString(number % 40)),
  'trunk-1',
  2,
  cityHash64(number, 1) % 60000,
  cityHash64(number, 2) % 600000,
  toDecimal64(number % 1000, 6) / 1000,
  'EUR',
  concat('{"id":"', toString(cityHash64(number, 3)), '","state":"completed","codec":"opus"}')
FROM numbers({days:UInt64} * {tenants:UInt64} * {per_day:UInt64})
