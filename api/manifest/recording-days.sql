-- The storage days that hold recordings of a time range, and how many rows each has.
SELECT toString(anchor_day) AS anchor_day, toUInt32(count()) AS recordings
FROM recordings
WHERE tenant_id = {tenant_id:String}
  AND anchor_day IN (
    SELECT anchor_day FROM day_reach
    WHERE tenant_id = {tenant_id:String} AND entity = 'recordings' AND day BETWEEN {from_day:Date} AND {to_day:Date}
  )
GROUP BY anchor_day
ORDER BY anchor_day
