INSERT INTO messages (tenant_id, source_id, native_id, anchor_day, version, observed_at, is_deleted, direction, from_number, to_number, campaign,
  created_at, sent_at, delivered_at, status, segments, price, currency, payload)
WITH
  toUInt64({tenants:UInt64} * {per_day:UInt64}) AS rows_a_day,
  intDiv(number, rows_a_day) AS day_no,
  number % {per_day:UInt64} AS nth
SELECT
  concat('tenant-', toString(intDiv(number % rows_a_day, {per_day:UInt64}))),
  'bench',
  concat('messages-', toString(day_no), '-', toString(nth)),
  {last_day:Date} - day_no AS stored_on,
  1,
  toDateTime64('2026-11-01 00:00:00', 3, 'UTC'),
  0,
  'outbound',
  concat('+49305550', leftPad(toString(number % 20), 3, '0')),
  concat('+4930', leftPad(toString(cityHash64(number) % 10000000), 7, '0')),
  concat('campaign-', toString(number % 4)),
  toDateTime64(stored_on, 3, 'UTC') + toIntervalMillisecond(intDiv(nth * 80000000, {per_day:UInt64})) AS made_at,
  made_at + toIntervalMillisecond(cityHash64(number, 1) % 1000),
  made_at + toIntervalMillisecond(1000 + cityHash64(number, 2) % 5000),
  'delivered',
  1,
  toDecimal64(number % 1000, 6) / 10000,
  'EUR',
  concat('{"id":"', toString(cityHash64(number, 3)), '","state":"completed","codec":"opus"}')
FROM numbers({days:UInt64} * {tenants:UInt64} * {per_day:UInt64})
