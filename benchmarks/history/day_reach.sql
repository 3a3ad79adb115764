INSERT INTO day_reach (tenant_id, entity, anchor_day, day)
SELECT concat('tenant-', toString(intDiv(number, {days:UInt64}))), {entity:String}, {last_day:Date} - number % {days:UInt64} AS stored_on, stored_on
FROM numbers({tenants:UInt64} * {days:UInt64})
