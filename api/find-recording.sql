SELECT tenant_id, source_id, native_id, uri, codec, bytes, status
FROM recordings FINAL
WHERE tenant_id = {tenant_id:String}
  AND native_id = {id:String}
  AND ({source_id:String} = '' OR source_id = {source_id:String})
  AND ({any_day:Bool} OR anchor_day = {anchor_day:Date})
  AND (delete_at IS NULL OR delete_at > fromUnixTimestamp64Milli({now_ms:Int64}, 'UTC'))
LIMIT 2
