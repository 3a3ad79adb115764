INSERT INTO calls (tenant_id, source_id, native_id, anchor_day, version, observed_at, is_deleted, direction, from_number, to_number,
  started_at, answered_at, ended_at, disposition, first_queue_id, final_agent_id, talk_ms, cost, currency, payload)
SELECT
  {tenant_id:String},
  'bench',
  concat('c-', leftPad(toString(number), 9, '0')),
  toDate('2026-08-01') + intDiv(number * 90, {rows:UInt64}) AS stored_on,
  1,
  toDateTime64('2026-11-01 00:00:00', 3, 'UTC'),
  0,
  'inbound',
  concat('+4930', leftPad(toString(cityHash64(number) % 10000000), 7, '0')),
  concat('+49305550', leftPad(toString(number % 100), 3, '0')),
  toDateTime64(stored_on, 3, 'UTC') + toIntervalMillisecond(number * 97 % 86400000) AS began_at,
  began_at + toIntervalMillisecond(cityHash64(number, 1) % 60000),
  began_at + toIntervalMillisecond(60000 + cityHash64(number, 2) % 600000),
  'answered',
  concat('queue-', toString(number % 6)),
  concat('agent-', toString(number % 40)),
  cityHash64(number, 2) % 600000,
  toDecimal64(number % 1000, 6) / 1000,
  'EUR',
  '{}'
FROM numbers({rows:UInt64})
