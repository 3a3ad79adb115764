INSERT INTO call_legs (tenant_id, source_id, native_id, anchor_day, version, observed_at, is_deleted, call_id, seq, direction, party, trunk_id,
  from_number, to_number, started_at, answered_at, ended_at, disposition, pdd_ms, bill_ms, codec, mos, buy_price, sell_price, currency, payload)
WITH
  toUInt64({tenants:UInt64} * {per_day:UInt64}) AS rows_a_day,
  intDiv(number, rows_a_day) AS day_no,
  number % {per_day:UInt64} AS nth
SELECT
  concat('tenant-', toString(intDiv(number % rows_a_day, {per_day:UInt64}))),
  'bench',
  concat('call_legs-', toString(day_no), '-', toString(nth)),
  {last_day:Date} - day_no AS stored_on,
  1,
  toDateTime64('2026-11-01 00:00:00', 3, 'UTC'),
  0,
  concat('calls-', toString(day_no), '-', toString(intDiv(nth, 2))),
  nth % 2,
  if(nth % 2 = 0, 'inbound', 'outbound'),
  'customer',
  concat('trunk-', toString(number % 3)),
  concat('+4930', leftPad(toString(cityHash64(number) % 10000000), 7, '0')),
  concat('+49305550', leftPad(toString(number % 20), 3, '0')),
  toDateTime64(stored_on, 3, 'UTC') + toIntervalMillisecond(intDiv(nth * 80000000, {per_day:UInt64})) AS began_at,
  began_at + toIntervalMillisecond(cityHash64(number, 1) % 60000),
  began_at + toIntervalMillisecond(60000 + cityHash64(number, 2) % 600000),
  'answered',
  cityHash64(number, 4) % 4000,
  cityHash64(number, 2) % 600000,
  'opus',
  3 + (cityHash64(number, 5) % 150) / 100,
  toDecimal64(number % 1000, 6) / 1000,
  toDecimal64(number % 1000, 6) / 500,
  'EUR',
  concat('{"id":"', toString(cityHash64(number, 3)), '","state":"completed","codec":"opus"}')
FROM numbers({days:UInt64} * {tenants:UInt64} * {per_day:UInt64})
