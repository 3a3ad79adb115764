INSERT INTO touched_days (tenant_id, entity, anchor_day, mark_id, is_done, marked_at)
SELECT DISTINCT tenant_id, entity, anchor_day, {mark_id:String}, 0, now64(3, 'UTC')
FROM day_reach
